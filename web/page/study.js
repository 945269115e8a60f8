// One study: what is known, chart by chart, and the table of its trials.
import { Away, Unreadable } from "/away.js";
import { Curves } from "/curves.js";
import { spaceText } from "/box.js";
import { badge, command, el, evenOut, quoted, say, swap, withDb } from "/dom.js";
import { Front } from "/front.js";
import { History } from "/history.js";
import { Importance } from "/importance.js";
import { moment, number, whole } from "/format.js";
import { Marks, trialHash } from "/marks.js";
import { get } from "/net.js";
import { Parallel } from "/parallel.js";
import { Bar, doneText, Fact, leftText, rateOf, rateText, stateText } from "/progress.js";
import { Rungs } from "/rungs.js";
import { Table } from "/table.js";
import { Timeline } from "/timeline.js";
import { Trials } from "/trials.js";
import { Walls } from "/walls.js";

export class StudyView {
  constructor(name) {
    this.name = name;
    this.title = `hone: ${name}`;
    this.trials = new Trials();
    this.picked = new Set();
    this.away = new Away();
    this.unreadable = new Unreadable();
    this.bar = new Bar();
    this.state = el("span");
    this.method = el("p.soft");
    this.facts = Object.fromEntries(["trials", "best", "rate", "time", "epochs"].map((key) => [key, new Fact(key)]));
    this.bestLink = el("a");
    this.facts.best.value.replaceChildren(this.bestLink, el("small"));
    this.charts = el("div.charts");
    this.commands = el("div.commands");
    this.root = el("div.view", this.head(), this.away.root, this.unreadable.root, this.charts);
  }

  head() {
    return el("div.head", el("div.title", el("h1", this.name), this.state), this.method,
      el("dl.facts.large", Object.values(this.facts).map((fact) => fact.root)), this.bar.root,
      this.commands);
  }

  // Once there is a trial, all of them: what comes later would move what is read below.
  sayCommands(db) {
    if (this.commands.firstChild || !this.trials.sorted.length) return;
    const offer = (text) => command(withDb(text, db));
    swap(this.commands, offer(`hone best ${quoted(this.name)} -n 20`), offer(`hone explain ${quoted(`${this.name}/best`)}`), offer(`hone trials ${quoted(`${this.name}/all`)} --csv`));
  }

  async refresh() {
    const query = { study: this.name };
    const [study, { studies, master, db }, answer, walls] = await Promise.all([get("study", { name: this.name }), get("studies"),
      get("trials", { ...query, after: this.trials.version }), get("walls", query)]);
    this.away.update(master, studies.filter((s) => s.study === this.name), db);
    const changed = this.trials.take(answer, study.metrics[0]);
    this.unreadable.update(study);
    this.sayCommands(db);
    this.study = study;
    this.marks ??= new Marks(study.statuses, study);
    this.marks.study = study;
    this.sayHead(study);
    if (!this.parts) this.build(study);
    if (changed || this.wallCount !== walls.events.length) await this.draw(walls.events);
    this.wallCount = walls.events.length;
    if (!study.unreadable) this.parts.importance.update(this.trials);
    await this.parts.timeline.update(this.trials, this.marks);
    await this.parts.curves.update(study, this.trials, this.marks);
  }

  sayHead(study) {
    const now = Date.now() / 1000;
    swap(this.state, badge(stateText(study), null));
    const goals = study.metrics.map((m) => `${m.goal} ${m.name}`).join(", ");
    say(this.method, `${goals} · method ${study.method} · since ${moment(study.started ?? study.created)}`);
    this.bar.update(study, Object.fromEntries(study.statuses.map((s) => [s.name, s.hue])));
    this.facts.trials.say(doneText(study));
    this.facts.rate.say(rateText(rateOf(study, now)));
    this.facts.time.say(leftText(study, now));
    this.facts.epochs.say(whole(study.epochs));
    say(this.bestLink, study.best ? number(study.best.value) : "–");
    if (study.best) this.bestLink.setAttribute("href", trialHash(study.study, study.best.trial));
    say(this.facts.best.value.lastChild, study.best ? ` trial ${study.best.trial}` : "");
  }

  build(study) {
    const pick = () => this.pick();
    const p = (this.parts = {
      history: new History(this.name),
      walls: study.space.map((param) => new Walls(this.name, param, (numbers) => this.compare(numbers))),
      curves: new Curves(this.name, this.picked),
      front: study.metrics.length > 1 ? new Front(this.name) : null,
      rungs: new Rungs(),
      importance: new Importance(this.name),
      parallel: new Parallel((keeps) => p.table.setBrush(keeps)),
      timeline: new Timeline(this.name),
      table: new Table(this.name, this.picked, pick),
    });
    p.curves.onPick = pick;
    this.waiting = el("section.card.wide.empty", el("h2", "No trial yet"), el("p", "A worker that joins takes the first one; the master prints the line it needs, with its address:"), command("hone worker tcp://HOST:7077"),
      el("p", "What will be searched:"), el("dl.point", study.space.map((param) => el("div", el("dt", param.name), el("dd", spaceText(param))))));
    swap(this.charts, this.waiting, p.history.root, el("h2.band", "The space and its walls"), p.walls.map((w) => w.root), el("h2.band", "Trainings"),
      p.curves.root, p.front?.root, p.importance.root, p.rungs.root, p.parallel.root, p.table.root, p.timeline.root);
  }

  // Part by part, and between them whatever the reader does.
  async draw(events) {
    const { study, trials, marks, parts } = this;
    this.waiting.hidden = trials.sorted.length > 0;
    this.charts.classList.toggle("is-empty", !this.waiting.hidden); // charts of nothing are not shown
    parts.history.update(study, trials, marks);
    for (const walls of parts.walls) walls.update(study, trials, marks, events);
    evenOut(parts.walls.map((w) => w.root));
    await breath();
    parts.table.update(study, trials, marks);
    await breath();
    parts.front?.update(study, trials, marks);
    parts.rungs.update(study, trials, marks);
    evenOut([parts.front?.root, parts.importance.root, parts.rungs.root].filter((root) => root && !root.hidden));
    await breath();
    parts.parallel.update(study, trials);
  }

  // The picked trials have changed, here or there.
  async pick() {
    this.parts.table.repick();
    await this.parts.curves.update(this.study, this.trials, this.marks);
  }

  compare(numbers) {
    this.picked.clear();
    for (const number of numbers) this.picked.add(number);
    this.pick();
  }

  close() {
    if (!this.parts) return;
    const { walls, ...others } = this.parts;
    for (const part of [...walls, ...Object.values(others)]) (part?.chart ?? part)?.close?.();
  }
}

const breath = () => new Promise((go) => setTimeout(go));
