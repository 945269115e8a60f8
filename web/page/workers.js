// Every worker, and what it does now.
import { command, el, say, swap } from "/dom.js";
import { moment, whole } from "/format.js";
import { trialHash } from "/marks.js";
import { get } from "/net.js";

const NAMES = ["worker", "host", "state", "trains", "slots", "done", "failed", "since", "version", "platform"];

export class WorkersView {
  constructor() {
    this.title = "hone: workers";
    this.body = el("tbody");
    this.note = el("p.note");
    this.gone = el("input", { type: "checkbox", onchange: () => this.show() });
    this.card = el("section.card", el("header", el("h2", "Connected"), el("label.toggle", this.gone, " and those that left")),
      (this.table = el("div.scroll", { tabindex: "0" }, el("table", el("thead", el("tr", NAMES.map((name) => el("th", { scope: "col" }, name)))), this.body))), this.note);
    this.empty = el("section.card.empty", el("h2", "No worker is connected"), el("p", "hone run brings its own; a master prints the line that a worker needs, with its address:"),
      command("hone worker tcp://HOST:7077"));
    this.empty.hidden = this.card.hidden = true; // until it is known
    this.root = el("div.view", el("h1", "Workers"), this.empty, this.card);
  }

  async refresh() {
    const [{ workers }, { studies, version }] = await Promise.all([get("workers"), get("studies")]);
    const busy = studies.filter((s) => s.counts.running > 0);
    // What changed since now: nothing, but whatever runs is always among it.
    const answers = await Promise.all(busy.map((s) => get("trials", { study: s.study, after: version })));
    this.jobs = new Map();
    answers.forEach(({ trials }, i) => trials.filter((t) => t.status === "running").forEach((t) => {
      this.jobs.set(t.worker, [...(this.jobs.get(t.worker) ?? []), { study: busy[i].study, ...t }]);
    }));
    this.workers = workers;
    this.show();
  }

  show() {
    const here = this.workers.filter((w) => !w.left_ms);
    this.empty.hidden = here.length > 0;
    this.card.hidden = !this.workers.length;
    const shown = this.gone.checked ? this.workers : here;
    this.table.hidden = !shown.length;
    swap(this.body, shown.map((w) => this.row(w)));
    say(this.note, `${whole(here.length)} connected, ${whole(this.workers.length - here.length)} have left.`);
  }

  row(w) {
    const jobs = w.left_ms ? [] : this.jobs.get(w.worker) ?? [];
    const state = w.left_ms ? `left (${w.left_why})` : w.mode === "open" ? (w.running ? "busy" : "idle") : w.mode;
    const trains = jobs.length ? jobs.map((t) => el("div", el("a", { href: trialHash(t.study, t.trial) }, `${t.study}/${t.trial}`), ` epoch ${t.epochs}`)) : "–";
    const cells = [w.worker, `${w.host} (${w.pid})`, state, trains, w.slots, whole(w.done), w.failed_in_row ? `${w.failed}, ${w.failed_in_row} in a row` : whole(w.failed), moment(w.joined_ms / 1000), w.version, w.platform];
    return el(`tr${w.left_ms ? ".gone" : ""}`, cells.map((cell) => el("td", Array.isArray(cell) ? cell : String(cell))));
  }
}
