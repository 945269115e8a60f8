// All studies of the database, the newest first.
import { Away } from "/away.js";
import { badge, command, el, say, swap, withDb } from "/dom.js";
import { moment, number } from "/format.js";
import { studyHash, trialHash } from "/marks.js";
import { get } from "/net.js";
import { Bar, doneText, leftText, rateOf, rateText, stateText } from "/progress.js";

export class StudiesView {
  constructor() {
    this.title = "hone: studies";
    this.away = new Away();
    this.rows = new Map();
    this.list = el("div.studies");
    this.root = el("div.view", el("h1", "Studies"), this.away.root, this.list);
  }

  async refresh() {
    const { studies, master, db } = await get("studies");
    if (studies.length) this.hues ??= await huesOf(studies[0].study);
    this.away.update(master, studies, db);
    if (!studies.length) return swap(this.list, empty(db));
    for (const study of studies) {
      if (!this.rows.has(study.id)) this.rows.set(study.id, new Row());
      this.rows.get(study.id).update(study, this.hues);
    }
    const nodes = studies.map((s) => this.rows.get(s.id).root);
    if (nodes.length !== this.list.children.length || nodes.some((n, i) => n !== this.list.children[i])) swap(this.list, nodes);
  }
}

async function huesOf(name) {
  const { statuses } = await get("study", { name });
  return Object.fromEntries(statuses.map((s) => [s.name, s.hue]));
}

function empty(db) {
  return el("section.card.empty", el("h2", "No study yet"), el("p", "A first one, beside this page; it appears here by itself:"), command(withDb("hone run examples/spiral.json", db)),
    el("p", "What a study file says:"), command("hone help study-file"));
}

class Row {
  constructor() {
    this.name = el("a.name");
    this.state = el("span");
    this.bar = new Bar();
    this.cells = Object.fromEntries(["done", "best", "rate", "left"].map((name) => [name, el("dd")]));
    const names = { done: "trials", best: "best", rate: "rate", left: "time" };
    this.since = el("small");
    this.best = el("a");
    this.cells.best.append(this.best, el("small"));
    this.root = el("article.card.study", el("header", el("h2", this.name), this.state), this.bar.root,
      el("dl.facts", Object.entries(this.cells).map(([key, cell]) => el("div.fact", el("dt", names[key]), cell))), this.since);
  }

  update(study, hues) {
    const now = Date.now() / 1000;
    say(this.name, study.study);
    this.name.setAttribute("href", studyHash(study.study));
    swap(this.state, badge(stateText(study), null));
    this.bar.update(study, hues);
    say(this.cells.done, doneText(study));
    say(this.best, study.best ? number(study.best.value) : "–");
    if (study.best) this.best.setAttribute("href", trialHash(study.study, study.best.trial));
    say(this.cells.best.lastChild, ` ${study.metrics[0].name}`);
    say(this.cells.rate, rateText(rateOf(study, now)));
    say(this.cells.left, leftText(study, now));
    say(this.since, `since ${moment(study.started ?? study.created)}`);
  }
}
