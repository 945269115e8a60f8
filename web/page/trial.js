// One trial: its point, why it was proposed, how it was trained, what was found.
import { axis, Chart, tip } from "/chart.js";
import { badge, command, el, evenOut, quoted, swap, withDb } from "/dom.js";
import { duration, exact, moment, number, whole } from "/format.js";
import { studyHash, trialHash } from "/marks.js";
import { get } from "/net.js";
import { MetricScale } from "/scale.js";
import { colour, lineColour } from "/theme.js";

export class TrialView {
  constructor(study, trial) {
    Object.assign(this, { study, trial, title: `hone: ${study}/${trial}` });
    this.top = el("div.head");
    this.charts = el("div.charts");
    this.rest = el("div.charts");
    this.curves = new Map();
    this.root = el("div.view", this.top, this.charts, this.rest);
  }

  async refresh() {
    const said = await get("trial", { study: this.study, trial: this.trial });
    const text = JSON.stringify(said);
    if (text === this.seen) return;
    this.about ??= await get("study", { name: this.study });
    this.db ??= (await get("studies")).db;
    swap(this.top, this.head(said));
    this.drawCurves(said);
    const sections = this.sections(said).filter(Boolean);
    swap(this.rest, sections);
    evenOut(sections.slice(0, -1)); // the log is wide
    this.seen = text;
  }

  head({ trial, params }) {
    const hue = this.about.statuses.find((s) => s.name === trial.status)?.hue;
    const here = `${this.study}/${this.trial}`;
    const set = Object.entries(params).map(([name, value]) => quoted(`${name}=${exact(value)}`)).join(" ");
    const offer = (text) => command(withDb(text, this.db));
    const facts = [[trial.metric, number(trial.score)], ["rank", trial.rank && Number.isFinite(trial.score) ? `${trial.rank} of ${trial.trials}` : "–"], ["best epoch", number(trial.best_epoch)],
      ["epochs", `${trial.epochs} of ${trial.length}`], ["took", duration(trial.seconds)], ["attempts", number(trial.attempts)]];
    return [
      el("p.crumbs", el("a", { href: studyHash(this.study) }, this.study), " / ", this.step(-1, trial), this.step(1, trial)),
      el("div.title", el("h1", `trial ${this.trial}`), badge(trial.status + (trial.cause ? ` (${trial.cause})` : ""), hue)),
      el("dl.facts.large", facts.map(([name, value]) => el("div.fact", el("dt", name), el("dd", value)))),
      el("dl.point", Object.entries(params).map(([name, value]) => el("div", el("dt", name), el("dd", number(value))))),
      el("p.why", el("strong", trial.sampler), trial.why ? `: ${trial.why}` : ""),
      el("div.commands", offer(`hone show ${quoted(here)}`), offer(`hone explain ${quoted(here)}`), offer(`hone enqueue ${quoted(this.study)} ${set}`)),
    ];
  }

  step(by, trial) {
    const to = this.trial + by;
    if (to < 1 || (by > 0 && to > trial.trials)) return null;
    return el("a.step", { href: trialHash(this.study, to), "aria-label": `Trial ${to}` }, by < 0 ? `← ${to}` : `${to} →`);
  }

  drawCurves({ curves, trial }) {
    for (const [name, lines] of families(curves, trial.metric)) {
      if (!this.curves.has(name)) {
        this.curves.set(name, new Chart(name, { height: 220 }));
        this.charts.append(this.curves.get(name).root);
      }
      this.curves.get(name).set(() => option(lines, trial));
    }
    evenOut([...this.curves.values()].map((chart) => chart.root));
  }

  sections({ attempts, findings, events, checkpoints, log, lineage }) {
    return [
      findings.length && section("Findings", findings.map((f) => el(`div.finding.is-${f.action}`, el("strong", `${f.rule}, epoch ${f.epoch}`), el("p", f.text), f.advice && el("p.soft", `Try: ${f.advice}`)))),
      section("Attempts", table(["attempt", "worker", "from epoch", "epochs", "outcome", "cause", "began", "took"],
        attempts.map((a) => [a.attempt, `${a.worker} (${a.host})`, a.from_epoch, a.epochs, a.outcome ?? "running", a.cause ?? "", moment(a.started_ms / 1000), duration(a.seconds)]))),
      lineage.length && section("Lineage", lineage.map((l) => el("p", `${l.kin}: trial ${l.trial}, epoch ${l.epoch}`))),
      section("What happened", table(["when", "event", "to", "cause", "attempt"], events.map((e) => [moment(e.at_ms / 1000), e.event, e.to_status, e.cause ?? "", e.attempt ?? ""]))),
      checkpoints.length && section("Checkpoints", table(["epoch", "attempt", "state", "bytes", "file"], checkpoints.map((c) => [c.epoch, c.attempt, c.state, whole(c.bytes), c.path]))),
      section("Log", log ? el("pre.log", { tabindex: "0" }, log) : el("p.soft", "Its trainer has said nothing, or the log is not on this machine."), "wide"),
    ];
  }

  close() {
    for (const chart of this.curves.values()) chart.close();
  }
}

function section(title, content, more = "") {
  return el(`section.card${more ? `.${more}` : ""}`, el("header", el("h2", title)), content);
}

function table(names, rows) {
  return el("div.scroll", { tabindex: "0" }, el("table", el("thead", el("tr", names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", rows.map((row) => el("tr", row.map((cell) => el("td", String(cell ?? "–"))))))));
}

// train_loss and val_loss belong together: [["loss", {train_loss: points, val_loss: points}], …], the metric's first.
// A number that never changed is no curve.
function families(curves, metric) {
  const found = new Map();
  const moves = (points) => points.length < 2 || points.some((p) => p[1] !== points[0][1]);
  for (const [name, points] of Object.entries(curves)) {
    if (name !== metric && !moves(points)) continue;
    const family = name.replace(/^(train|val|valid|validation|test)_/, "");
    found.set(family, name.startsWith("train_") ? { ...found.get(family), [name]: points } : { [name]: points, ...found.get(family) });
  }
  const rank = ([, lines]) => (metric in lines ? 2 : Object.keys(lines).length > 1 ? 1 : 0);
  return [...found].sort((a, b) => rank(b) - rank(a));
}

function option(lines, trial) {
  const names = Object.keys(lines);
  const values = names.flatMap((name) => lines[name].map((p) => p[1]));
  const goal = /acc|score|auc|f1/i.test(names[0]) ? "maximize" : "minimize";
  const scale = new MetricScale({ name: names[0], goal }, values);
  const places = values.map((v) => scale.to(v)).filter((v) => v !== null);
  const margin = (Math.max(...places) - Math.min(...places) || 1) * 0.06;
  const range = places.length ? [Math.min(...places) - margin, Math.max(...places) + margin] : [0, 1];
  return {
    grid: { left: 56, right: 16, top: names.length > 1 ? 30 : 12, bottom: 26 },
    legend: { show: names.length > 1, top: 0, left: 0, itemWidth: 16, textStyle: { color: colour("ink") }, selectedMode: false },
    xAxis: { type: "value", min: 0, minInterval: 1, axisLabel: { color: colour("soft"), hideOverlap: true }, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false } },
    yAxis: axis({ range, ticks: scale.ticks(range), label: (v) => scale.label(v) }),
    series: names.map((name, i) => ({
      id: name, name, type: "line", showSymbol: lines[name].length < 40, symbol: "circle", symbolSize: 4, itemStyle: { color: lineColour(i) }, lineStyle: { color: lineColour(i), width: 2 },
      data: lines[name].map(([epoch, value]) => ({ value: [epoch, scale.to(value) ?? "-"], tip: () => tip(`epoch ${epoch}`, `${name} ${number(value)}`, epoch === trial.best_epoch ? "the score's epoch" : null) })),
    })),
  };
}
