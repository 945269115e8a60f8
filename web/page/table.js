// The table of trials: sorted and filtered here, and of ten thousand rows only those in sight are elements.
import { el, say, swap } from "/dom.js";
import { parseFilter } from "/filter.js";
import { duration, number, trialCount, whole } from "/format.js";
import { trialHash } from "/marks.js";

const ROW_PX = 32, SPARE = 8;
const COMPARE = new Intl.Collator(undefined, { numeric: true }).compare;

export class Table {
  // `picked` is a Set of numbers; onPick() when it changed.
  constructor(study, picked, onPick) {
    Object.assign(this, { study, picked, onPick });
    this.statuses = new Set(); // none: all
    this.brush = null;
    this.sortBy = "trial";
    this.down = true;
    this.pool = [];
    this.chips = el("div.chips", { role: "group", "aria-label": "Statuses" });
    this.input = el("input", { type: "search", placeholder: "filter: lr<1e-3 adam", "aria-label": "Filter the trials", spellcheck: "false", oninput: () => this.refilter() });
    this.head = el("thead");
    this.body = el("tbody");
    this.before = el("tr.spacer", { "aria-hidden": "true" }, el("td"));
    this.after = el("tr.spacer", { "aria-hidden": "true" }, el("td"));
    this.table = el("table.trials", this.head, this.body);
    this.view = el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Table of trials" }, this.table);
    this.view.addEventListener("scroll", () => this.paint(), { passive: true });
    this.count = el("p.note", { role: "status" });
    this.root = el("section.card.wide", el("header", el("h2", "Trials"), this.input), this.chips, this.view, this.count);
  }

  update(study, trials, marks) {
    Object.assign(this, { about: study, trials, marks });
    this.columns ??= columnsOf(study);
    if (!this.head.firstChild) this.fillHead();
    this.fillChips();
    this.refilter();
  }

  fillHead() {
    swap(this.head, el("tr", el("th.pick", { scope: "col" }, el("span.unseen", "pick")), this.columns.map((c) => {
      const button = el("button", { type: "button", onclick: () => this.sort(c) }, c.name);
      c.head = el(`th${c.numeric ? ".number" : ""}`, { scope: "col" }, button);
      return c.head;
    })));
  }

  sort(column) {
    this.down = this.sortBy === column.name ? !this.down : (column.down ?? false);
    this.sortBy = column.name;
    this.refilter();
  }

  fillChips() {
    const { counts, statuses } = this.about;
    if (!this.chips.firstChild) swap(this.chips, statuses.map((s) => this.chip(s)));
    for (const chip of this.chips.children) {
      const count = counts[chip.dataset.status] ?? 0;
      chip.hidden = !count && !this.statuses.has(chip.dataset.status);
      say(chip.lastChild, `${chip.dataset.status} ${whole(count)}`);
      chip.setAttribute("aria-pressed", this.statuses.has(chip.dataset.status));
    }
  }

  chip({ name, hue, gloss }) {
    const dot = el("i.dot");
    dot.style.background = hue;
    return el("button.chip", { type: "button", "data-status": name, title: gloss, onclick: () => this.toggle(name) }, dot, el("span"));
  }

  toggle(status) {
    if (!this.statuses.delete(status)) this.statuses.add(status);
    this.fillChips();
    this.refilter();
  }

  setBrush(keeps) {
    this.brush = keeps;
    this.refilter();
  }

  refilter() {
    if (!this.trials) return;
    const keeps = parseFilter(this.input.value, this.columns);
    const column = this.columns.find((c) => c.name === this.sortBy);
    this.rows = this.trials.sorted.filter((t) => (!this.statuses.size || this.statuses.has(t.status)) && (!this.brush || this.brush(t)) && keeps(t));
    this.rows.sort(order(column, this.down));
    for (const c of this.columns) c.head.setAttribute("aria-sort", c === column ? (this.down ? "descending" : "ascending") : "none");
    const all = this.trials.sorted.length;
    say(this.count, this.rows.length === all ? trialCount(all) : `${whole(this.rows.length)} of ${trialCount(all)}${this.brush ? ", brushed above" : ""}`);
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.paint();
  }

  paint() {
    const room = Math.ceil((this.view.clientHeight || 480) / ROW_PX) + 2 * SPARE;
    const first = Math.max(0, Math.min(Math.floor(this.view.scrollTop / ROW_PX) - SPARE, this.rows.length - room));
    const shown = this.rows.slice(first, first + room);
    while (this.pool.length < shown.length) this.pool.push(this.makeRow());
    if (this.body.children.length !== shown.length + 2) swap(this.body, this.before, this.pool.slice(0, shown.length).map((row) => row.node), this.after);
    this.before.firstChild.style.height = `${first * ROW_PX}px`;
    this.after.firstChild.style.height = `${(this.rows.length - first - shown.length) * ROW_PX}px`;
    shown.forEach((trial, i) => this.fillRow(this.pool[i], trial, first + i));
  }

  makeRow() {
    const row = { box: el("input", { type: "checkbox" }) };
    row.box.addEventListener("change", () => this.pick(row.trial, row.box.checked));
    row.cells = this.columns.map((c) => el(`td${c.numeric ? ".number" : ""}${c.wide ? ".long" : ""}`));
    row.link = el("a");
    row.cells[0].append(row.link);
    row.dot = el("i.dot");
    row.status = el("span");
    row.cells[1].append(row.dot, row.status);
    row.node = el("tr", el("td.pick", row.box), row.cells);
    return row;
  }

  fillRow(row, trial, at) {
    row.trial = trial.trial;
    row.node.setAttribute("aria-rowindex", at + 2);
    row.node.classList.toggle("best", trial === this.trials.best);
    row.box.checked = this.picked.has(trial.trial);
    row.box.setAttribute("aria-label", `Compare trial ${trial.trial}`);
    say(row.link, String(trial.trial));
    row.link.setAttribute("href", trialHash(this.study, trial.trial));
    row.dot.style.background = this.marks.hue(trial.status);
    say(row.status, trial.status);
    this.columns.forEach((column, i) => {
      if (i < 2) return;
      const value = column.of(trial);
      say(row.cells[i], column.show ? column.show(value) : number(value));
      if (column.wide) row.cells[i].title = value ?? "";
    });
  }

  pick(trial, on) {
    if (on) this.picked.add(trial);
    else this.picked.delete(trial);
    this.onPick();
  }

  repick() {
    for (const row of this.pool) row.box.checked = this.picked.has(row.trial);
  }
}

function columnsOf(study) {
  const text = (name, of, more) => ({ name, of, show: (v) => v ?? "", ...more });
  return [
    { name: "trial", of: (t) => t.trial, numeric: true, down: true },
    text("status", (t) => t.status),
    ...study.metrics.map((m, i) => ({ name: m.name, of: (t) => t.values[i], numeric: true, down: m.goal === "maximize" })),
    ...study.space.map((p) => ({ name: p.name, of: (t) => t.params[p.name], numeric: p.low !== null, show: (v) => (v === null || v === undefined ? "" : number(v)) })),
    { name: "epochs", of: (t) => t.epochs, numeric: true, down: true },
    { name: "took", of: (t) => t.seconds, numeric: true, down: true, show: duration },
    text("worker", (t) => t.worker), text("cause", (t) => t.cause), text("sampler", (t) => t.sampler), text("why", (t) => t.why, { wide: true }),
  ];
}

// Without a value: always last.
function order(column, down) {
  const sign = down ? -1 : 1;
  return (s, t) => {
    const a = column.of(s), b = column.of(t);
    const none = (a === null || a === undefined) - (b === null || b === undefined);
    if (none) return none;
    if (a === null || a === undefined) return s.trial - t.trial;
    const by = typeof a === "number" && typeof b === "number" ? a - b : COMPARE(String(a), String(b));
    return sign * by || s.trial - t.trial; // as `hone best` has it
  };
}
