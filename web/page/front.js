// Several metrics: every trial by two of them, and the Pareto front, the trials that no other beats in both.
import { axis, Chart } from "/chart.js";
import { el, swap } from "/dom.js";
import { leadToTrial } from "/marks.js";
import { MetricScale } from "/scale.js";
import { colour } from "/theme.js";

export class Front {
  constructor(study) {
    this.pair = [0, 1];
    this.selects = this.pair.map((at, i) => el("select", { "aria-label": i ? "Metric upwards" : "Metric to the right", onchange: (e) => this.choose(i, e.target) }));
    this.chart = new Chart("Pareto front", { height: 320, extra: this.selects });
    leadToTrial(this.chart, study);
    this.root = this.chart.root;
  }

  choose(i, select) {
    this.pair[i] = Number(select.value);
    this.update(...this.shown);
  }

  update(study, trials, marks) {
    this.shown = [study, trials, marks];
    for (const [i, select] of this.selects.entries()) {
      select.hidden = study.metrics.length < 3;
      if (!select.options.length) swap(select, study.metrics.map((m, at) => el("option", { value: at }, m.name)));
      select.value = this.pair[i];
    }
    const best = front(trials.sorted, study.metrics, this.pair);
    this.chart.set(() => option(study, trials, marks, this.pair, best));
    this.chart.say(best.length ? `${best.length} trials that no other beats in both: ${best.slice(0, 12).map((t) => t.trial).join(", ")}${best.length > 12 ? " …" : ""}` : "No trial has both metrics yet.");
  }

  close() {
    this.chart.close();
  }
}

const signed = (value, metric) => (metric.goal === "minimize" ? value : -value);

// Sorted by the first metric; each keeps its place if it is better in the second than all before it.
export function front(trials, metrics, [a, b]) {
  const at = (t, i) => signed(t.values[i], metrics[i]);
  const all = trials.filter((t) => Number.isFinite(t.values[a]) && Number.isFinite(t.values[b]))
    .sort((s, t) => at(s, a) - at(t, a) || at(s, b) - at(t, b));
  const best = [];
  for (const t of all) if (!best.length || at(t, b) < at(best[best.length - 1], b)) best.push(t);
  return best;
}

function option(study, trials, marks, pair, best) {
  const scales = pair.map((i) => new MetricScale(study.metrics[i], trials.sorted.map((t) => t.values[i])));
  const ranges = pair.map((i, k) => scales[k].range(trials.sorted.map((t) => t.values[i])));
  const place = (t) => pair.map((i, k) => Math.min(Math.max(scales[k].to(t.values[i]), ranges[k][0]), ranges[k][1]));
  const on = new Set(best);
  const make = (k, more) => axis({ name: study.metrics[pair[k]].name, range: ranges[k], ticks: scales[k].ticks(ranges[k]), label: (v) => scales[k].label(v), more });
  const others = trials.thin(3000).filter((t) => !on.has(t) && pair.every((i) => Number.isFinite(t.values[i])));
  return {
    grid: { left: 58, right: 18, top: 12, bottom: 42 }, xAxis: make(0, {}), yAxis: make(1, { nameGap: 44 }),
    series: [
      { id: "others", type: "scatter", symbolSize: 6, data: others.map((t) => dim(marks.byStatus(t, place(t)))), progressive: 0, cursor: "pointer" },
      { id: "stairs", type: "line", step: "end", silent: true, showSymbol: false, data: best.map(place), lineStyle: { color: colour("accent"), width: 1.5, opacity: 0.6 } },
      { id: "front", type: "scatter", symbolSize: 11, z: 5, cursor: "pointer", data: best.map((t) => ({ ...marks.byStatus(t, place(t)), itemStyle: { color: colour("accent"), borderColor: colour("card"), borderWidth: 1.5 } })) },
    ],
  };
}

function dim(point) {
  return { ...point, itemStyle: { ...point.itemStyle, opacity: 0.35 } };
}
