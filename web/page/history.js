// The best so far over the trials, each trial a point in the colour of its status.
import { axis, Chart, trialAxis } from "/chart.js";
import { el } from "/dom.js";
import { number, whole } from "/format.js";
import { leadToTrial } from "/marks.js";
import { MetricScale } from "/scale.js";
import { colour } from "/theme.js";
import { scoreOf } from "/trials.js";

const MOST = 3000;

export class History {
  constructor(study) {
    this.button = logButton((on) => {
      this.log = on;
      this.update(...this.shown);
    });
    this.log = null;
    this.chart = new Chart("Best so far", { height: 300, wide: true, extra: [this.button] });
    leadToTrial(this.chart, study);
    this.root = this.chart.root;
  }

  update(study, trials, marks) {
    this.shown = [study, trials, marks];
    const metric = study.metrics[0];
    const scale = new MetricScale(metric, trials.scores(), this.log);
    this.button.hidden = !scale.canLog;
    this.button.setAttribute("aria-pressed", scale.log);
    this.chart.set(() => option(metric, scale, trials, marks));
    const best = trials.best;
    this.chart.canvas.setAttribute("aria-label", best
      ? `${metric.name} over ${trials.sorted.length} trials; best ${number(scoreOf(best))}, trial ${best.trial}` : "No scores yet");
    this.chart.say(trials.sorted.length > MOST ? `${whole(MOST)} of ${whole(trials.sorted.length)} points drawn, the best among them.` : "");
  }
}

// A button that switches a log axis on and off; hidden until the values are known to allow it.
export function logButton(onSwitch) {
  const button = el("button.toggle", { type: "button", "aria-pressed": "false", hidden: true }, "log");
  button.addEventListener("click", () => onSwitch(button.getAttribute("aria-pressed") !== "true"));
  return button;
}

function option(metric, scale, trials, marks) {
  const range = scale.range(trials.scores());
  const clip = (place) => Math.min(Math.max(place, range[0]), range[1]);
  const floor = metric.goal === "minimize" ? range[1] : range[0];
  const points = trials.thin(MOST).map((t) => {
    const place = scale.to(scoreOf(t));
    return marks.byStatus(t, [t.trial, place === null ? floor : clip(place)]);
  });
  return {
    grid: { left: 58, right: 18, top: 12, bottom: 42 },
    xAxis: trialAxis(trials.last),
    yAxis: axis({ name: metric.name, range, ticks: scale.ticks(range), label: (v) => scale.label(v), more: { nameGap: 44 } }),
    series: [
      { id: "trials", type: "scatter", symbolSize: trials.sorted.length > 1000 ? 5 : 8, data: points, progressive: 0, cursor: "pointer" },
      { id: "best", type: "line", step: "end", data: staircase(trials, scale), showSymbol: false, silent: true, z: 5,
        lineStyle: { color: colour("accent"), width: 2.5 } },
      bestMark(trials, scale),
    ],
  };
}

function staircase(trials, scale) {
  const steps = [];
  let best = null;
  for (const trial of trials.sorted) {
    const score = scoreOf(trial);
    if (!Number.isFinite(score) || (best !== null && !scale.better(score, best))) continue;
    best = score;
    steps.push([trial.trial, scale.to(best)]);
  }
  if (best !== null) steps.push([trials.last + 0.5, scale.to(best)]);
  return steps;
}

// A ring round the best trial, and its value.
export function bestMark(trials, scale, place = (t) => [t.trial, scale.to(scoreOf(t))], more = {}) {
  const best = trials.best;
  return {
    id: "ring", type: "scatter", silent: true, z: 6, symbolSize: 15,
    data: best ? [{ value: place(best), itemStyle: { color: "transparent", borderColor: colour("accent"), borderWidth: 2 } }] : [],
    label: { show: true, position: scale.goal === "minimize" ? "top" : "bottom", distance: 7, color: colour("ink"), fontWeight: 600, textBorderColor: colour("card"), textBorderWidth: 3,
      formatter: () => number(scoreOf(best)) }, ...more,
  };
}
