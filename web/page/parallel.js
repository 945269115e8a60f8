// Parallel coordinates: a line per trial, an axis per parameter on its own scale. What is brushed on the axes filters
// the table; all trials are asked, not only those that are drawn.
import { Chart } from "/chart.js";
import { el } from "/dom.js";
import { whole } from "/format.js";
import { MetricScale, Scale } from "/scale.js";
import { colour, ramp } from "/theme.js";

const MOST = 800;

export class Parallel {
  // `onBrush(keeps)`: keeps(trial) says whether the brush leaves it; null: nothing is brushed
  constructor(onBrush) {
    this.onBrush = onBrush;
    this.clear = el("button.toggle", { type: "button", hidden: true, onclick: () => this.unbrush() }, "clear the brush");
    this.chart = new Chart("Parallel coordinates", { height: 340, wide: true, extra: [this.clear],
      label: "Parallel coordinates of all trials; the table below holds the same numbers" });
    this.chart.on("axisareaselected", () => this.brushed());
    this.root = this.chart.root;
  }

  update(study, trials) {
    this.axes = axesOf(study, trials);
    const lines = trials.thin(MOST).filter((t) => trials.share(t) !== null)
      .sort((a, b) => trials.share(a) - trials.share(b)); // the best on top
    this.chart.set((chart) => this.option(lines, trials, chart.canvas.clientWidth < 560));
    this.chart.say(trials.sorted.length > MOST
      ? `Drag along an axis to filter the table. ${whole(MOST)} of ${whole(trials.sorted.length)} lines drawn; the filter sees all.`
      : "Drag along an axis to filter the table.");
  }

  option(lines, trials, narrow) {
    const crowded = lines.length > 300;
    return {
      parallel: narrow ? { layout: "vertical", left: 84, right: 24, top: 40, bottom: 26 } : { left: 50, right: 60, top: 34, bottom: 18 },
      parallelAxis: this.axes.map((a, dim) => axisOption(a, dim, narrow)),
      series: [{
        id: "lines", type: "parallel", progressive: 500, silent: true, inactiveOpacity: 0.03, activeOpacity: 1, smooth: false,
        data: lines.map((t) => ({
          value: this.axes.map((a) => a.of(t) ?? "-"),
          lineStyle: { color: ramp(trials.share(t)), width: trials.share(t) > 0.9 ? 2 : 1, opacity: crowded ? 0.12 + 0.6 * trials.share(t) ** 12 : 0.85 },
        })),
      }],
    };
  }

  intervals() {
    const found = [];
    this.chart.instance.getModel().eachComponent("parallelAxis", (model) => found.push(model.activeIntervals ?? []));
    return found;
  }

  brushed() {
    const intervals = this.intervals();
    const any = intervals.some((list) => list.length);
    this.clear.hidden = !any;
    const axes = this.axes;
    this.onBrush(any ? (trial) => intervals.every((list, i) => !list.length || within(list, axes[i].of(trial))) : null);
  }

  unbrush() {
    const { instance } = this.chart;
    this.axes.forEach((_, i) => instance.dispatchAction({ type: "axisAreaSelect", parallelAxisId: axisId(i), intervals: [] }));
    this.brushed();
  }

  close() {
    this.chart.close();
  }
}

const axisId = (dim) => `axis${dim}`;

function within(list, place) {
  return place !== null && list.some(([low, high]) => place >= low && place <= high);
}

function axesOf(study, trials) {
  const params = study.space.map((p) => {
    const scale = new Scale(p);
    const of = (t) => scale.to(t.params[p.name]);
    return { name: p.name, scale, of, range: scale.range(trials.sorted.map(of)) };
  });
  const metrics = study.metrics.map((m, i) => {
    const values = trials.sorted.map((t) => t.values[i]);
    const scale = new MetricScale(m, values);
    const range = scale.range(values);
    const of = (t) => {
      const place = scale.to(t.values[i]);
      return place === null ? null : Math.min(Math.max(place, range[0]), range[1]);
    };
    return { name: m.name, scale, of, range, goal: m.goal };
  });
  return [...params, ...metrics];
}

// Side by side on a phone only some have room.
function few(ticks, most) {
  const step = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % step === 0);
}

function axisOption({ name, scale, range, goal }, dim, narrow) {
  const ticks = few(scale.ticks(range), narrow ? 5 : 12);
  return {
    id: axisId(dim), dim, name: goal ? `${name} ${goal === "minimize" ? "↓" : "↑"}` : name, type: "value", min: range[0], max: range[1],
    inverse: goal === "minimize", nameGap: 14, realtime: true,
    nameLocation: narrow ? "start" : goal === "minimize" ? "start" : "end",
    nameTextStyle: { color: colour("ink"), fontWeight: 600, fontSize: 12 },
    axisLine: { lineStyle: { color: colour("soft") } }, axisTick: { customValues: ticks, lineStyle: { color: colour("soft") } },
    axisLabel: { color: colour("ink"), customValues: ticks, formatter: (v) => scale.label(v), textBorderColor: colour("card"), textBorderWidth: 3 },
    areaSelectStyle: { width: 22, color: colour("accent"), opacity: 0.25, borderColor: colour("accent"), borderWidth: 1 },
  };
}
