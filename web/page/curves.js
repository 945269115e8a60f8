// Learning curves: of the best trials, of those that run and of those that were picked in the table.
import { axis, Chart, tip } from "/chart.js";
import { el, swap } from "/dom.js";
import { number, duration } from "/format.js";
import { logButton } from "/history.js";
import { leadToTrial } from "/marks.js";
import { get } from "/net.js";
import { MetricScale } from "/scale.js";
import { colour, lineColour } from "/theme.js";

const BEST = 6, RUNNING = 8, MOST = 40;

export class Curves {
  constructor(study, picked) {
    this.study = study;
    this.picked = picked; // a Set of numbers, shared with the table
    this.kept = new Map(); // "metric/trial": {epochs, points}
    this.log = null;
    this.metric = null;
    this.select = el("select", { "aria-label": "Metric" });
    this.select.addEventListener("change", () => this.choose(this.select.value));
    this.button = logButton((on) => {
      this.log = on;
      this.draw();
    });
    this.clear = el("button.toggle", { type: "button", hidden: true, onclick: () => this.onClear() }, "clear the picked");
    this.chart = new Chart("Learning curves", { height: 300, wide: true, extra: [this.clear, this.select, this.button] });
    leadToTrial(this.chart, study);
    this.root = this.chart.root;
  }

  onClear() {
    this.picked.clear();
    this.onPick?.();
  }

  async choose(metric) {
    this.metric = metric;
    this.log = null;
    await this.fetch();
  }

  async update(study, trials, marks) {
    Object.assign(this, { about: study, trials, marks });
    this.metric ??= study.metrics[0].name;
    if (!this.select.options.length) await this.offerMetrics();
    this.clear.hidden = !this.picked.size;
    await this.fetch();
  }

  // Every name that the best trial reported.
  async offerMetrics() {
    if (!this.trials.best) return;
    const { curves } = await get("trial", { study: this.study, trial: this.trials.best.trial });
    const first = this.about.metrics.map((m) => m.name);
    const names = [...first, ...Object.keys(curves).filter((name) => !first.includes(name)).sort()];
    swap(this.select, names.map((name) => el("option", { value: name }, name)));
    this.select.value = this.metric;
  }

  shown() {
    const running = this.trials.sorted.filter((t) => t.status === "running" && t.epochs > 0).slice(-RUNNING);
    const best = this.trials.ranked.slice(0, BEST);
    const picked = [...this.picked].map((n) => this.trials.get(n)).filter(Boolean);
    return [...new Set([...picked, ...(picked.length ? best.slice(0, 1) : best), ...running])].slice(0, MOST);
  }

  async fetch() {
    const shown = this.shown(), metric = this.metric;
    const stale = shown.filter((t) => {
      const kept = this.kept.get(`${metric}/${t.trial}`);
      return !kept || kept.epochs !== t.epochs || kept.status !== t.status;
    });
    if (stale.length) {
      const own = metric === this.about.metrics[0].name;
      const { curves } = await get("curves", { study: this.study, trials: stale.map((t) => t.trial).join(","), metric: own ? null : metric });
      for (const t of stale) this.kept.set(`${metric}/${t.trial}`, { epochs: t.epochs, status: t.status, points: curves[t.trial] ?? [] });
    }
    if (metric === this.metric) this.draw();
  }

  draw() {
    const lines = this.shown().map((t) => ({ trial: t, points: this.kept.get(`${this.metric}/${t.trial}`)?.points ?? [] }));
    const known = this.about.metrics.find((m) => m.name === this.metric);
    const metric = known ?? { name: this.metric, goal: /acc|score|auc|f1/i.test(this.metric) ? "maximize" : "minimize" };
    const values = lines.flatMap((line) => line.points.map((p) => p[1]));
    const scale = new MetricScale(metric, values, this.log);
    this.button.hidden = !scale.canLog;
    this.button.setAttribute("aria-pressed", scale.log);
    this.chart.set(() => this.option(lines, scale, values));
    this.chart.say(lines.length ? this.caption() : "No epoch has been reported yet.");
  }

  caption() {
    return this.picked.size ? "The picked trials, the best one and those that run." : `The best ${this.trials.ranked.length === 1 ? "one" : Math.min(BEST, this.trials.ranked.length)} and those that run; pick others in the table below.`;
  }

  option(lines, scale, values) {
    const range = scale.range(values);
    return {
      grid: { left: 58, right: 46, top: 12, bottom: 42 },
      xAxis: { ...axis({ name: "epoch", range: [null, null] }), min: 0, max: Math.max(...lines.flatMap((line) => line.points.map((p) => p[0])), 1), minInterval: 1, axisTick: { show: false },
        axisLabel: { color: colour("soft"), hideOverlap: true }, splitLine: { show: false } },
      yAxis: axis({ name: this.metric, range, ticks: scale.ticks(range), label: (v) => scale.label(v), more: { nameGap: 44 } }),
      series: lines.map((line, i) => this.line(line, i, scale)),
    };
  }

  line({ trial, points }, i, scale) {
    const best = trial.trial === this.trials.best?.trial;
    const running = trial.status === "running";
    const hue = running ? this.marks.hue("running") : best ? colour("accent") : this.picked.size ? lineColour(i + 1) : colour("muted");
    return {
      id: `t${trial.trial}`, type: "line", z: best ? 5 : running ? 4 : 3, cursor: "pointer",
      showSymbol: points.length < 30, symbolSize: best ? 6 : 4, symbol: "circle", itemStyle: { color: hue },
      lineStyle: { color: hue, width: best ? 2.5 : 1.5, type: running ? [5, 3] : "solid" },
      endLabel: { show: best || running || this.picked.has(trial.trial), formatter: String(trial.trial), color: colour("ink"), distance: 4 },
      labelLayout: { moveOverlap: "shiftY" }, emphasis: { focus: "series" },
      data: points.map(([epoch, value, seconds]) => ({
        value: [epoch, scale.to(value) ?? "-"], trial: trial.trial,
        tip: () => tip(`trial ${trial.trial} · epoch ${epoch}`, `${this.metric} ${number(value)}`, seconds ? duration(seconds) : null),
      })),
    };
  }

  close() {
    this.chart.close();
  }
}
