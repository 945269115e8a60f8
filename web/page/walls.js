// A parameter and the walls of its box: on the left the trials as they came, the box they were drawn from, and each
// wall where it moved or was leaned on; on the right, on the same scale, what each value was worth.
import { axis, Chart, tip, trialAxis } from "/chart.js";
import { say } from "/dom.js";
import { number } from "/format.js";
import { bestMark } from "/history.js";
import { MetricScale, Scale } from "/scale.js";
import { colour } from "/theme.js";
import { scoreOf } from "/trials.js";
import { boxSteps, eventPlaces } from "/box.js";

const MOST = 1500;
const VERDICTS = {
  grow: { says: "the wall moved", hue: "moved" }, shrink: { says: "the box shrank", hue: "moved" },
  warn: { says: "good trials lean on the wall", hue: "warned" }, ask: { says: "asks to move the wall", hue: "asks" },
  at_limit: { says: "at its limit", hue: "warned" }, diverged: { says: "everything beyond diverged: it stays", hue: "warned" },
  drop: { says: "no longer tried", hue: "moved" },
};

export class Walls {
  // `onBehind(numbers)`: the trials behind a wall's decision were asked for.
  constructor(study, param, onBehind) {
    this.param = param.name;
    this.chart = new Chart(param.name, { height: 300, label: `Values of ${param.name} and the walls of its box` });
    this.root = this.chart.root;
    this.root.classList.add("walls");
    this.chart.now = this.root.querySelector(".controls");
    this.chart.now.classList.add("soft");
    this.chart.on("click", (item) => {
      if (item.data?.behind) onBehind(item.data.behind);
      else if (item.data?.trial) location.hash = `#/study/${encodeURIComponent(study)}/trial/${item.data.trial}`;
    });
    this.chart.on("mouseover", (item) => item.data?.behind && this.light(item.data.behind));
    this.chart.on("mouseout", (item) => item.data?.behind && this.chart.instance.dispatchAction({ type: "downplay", seriesId: ["trials", "worth"] }));
  }

  update(study, trials, marks, events) {
    const param = study.space.find((p) => p.name === this.param);
    const scale = new Scale(param);
    const mine = events.filter((e) => e.param === this.param);
    const steps = boxSteps(param, scale, mine, trials);
    this.shown = trials.thin(MOST).filter((t) => scale.to(t.params[this.param]) !== null);
    this.chart.root.dataset.alone = mine.length ? "yes" : "no"; // on a line of its own
    this.chart.set((chart) => option({ study, param, scale, trials, marks, events: mine, steps, shown: this.shown, wide: chart.canvas.clientWidth > 560 }));
    say(this.chart.now, boxText(param, scale, steps));
    this.chart.say(mine.length ? mine[mine.length - 1].text : "");
  }

  light(numbers) {
    const index = this.shown.map((t, i) => (numbers.includes(t.trial) ? i : -1)).filter((i) => i >= 0);
    for (const seriesId of ["trials", "worth"]) this.chart.instance.dispatchAction({ type: "highlight", seriesId, dataIndex: index });
  }
}

// What the box is now, and what it was at first.
function boxText(param, scale, steps) {
  if (scale.choices) return param.box_choices && param.box_choices.length < scale.choices.length ? `now ${param.box_choices.join(", ")}` : "";
  const range = ({ low, high }) => `${number(scale.axis.from(low))} … ${number(scale.axis.from(high))}`;
  const now = range(steps[steps.length - 1]), first = range(steps[0]);
  return now === first ? now : `${now}, at first ${first}`;
}

function option(view) {
  const { param, scale, trials, marks, steps, shown, study } = view;
  const metric = new MetricScale(study.metrics[0], trials.scores());
  const worth = metric.range(trials.scores());
  const range = scale.range([...shown.map((t) => scale.to(t.params[param.name])), ...steps.flatMap((s) => [s.low, s.high])]);
  const ticks = scale.ticks(range);
  const y = { range, ticks, label: (v) => scale.label(v) };
  const split = view.wide ? "70%" : "62%";
  const place = (t) => scale.to(t.params[param.name]) + (scale.choices ? jitter(t.trial) : 0);
  const floor = study.metrics[0].goal === "minimize" ? worth[1] : worth[0];
  const score = (t) => Math.min(Math.max(metric.to(scoreOf(t)) ?? floor, worth[0]), worth[1]);
  const size = shown.length > 800 ? 5 : 8;
  const emphasis = { scale: 1.8, itemStyle: { borderColor: colour("moved"), borderWidth: 2.5 } };
  const best = trials.best && scale.to(trials.best.params[param.name]) !== null;
  return {
    grid: [{ left: 62, right: view.wide ? "32%" : "40%", top: 26, bottom: 42 }, { left: split, right: 14, top: 26, bottom: 42 }],
    xAxis: [trialAxis(trials.last), axis({ name: study.metrics[0].name, range: worth, ticks: metric.ticks(worth), label: (v) => metric.label(v), more: { gridIndex: 1, splitLine: { show: false } } })],
    yAxis: [axis(y), axis({ ...y, more: { gridIndex: 1, axisLabel: { show: false } } })],
    series: [
      box(steps, range, trials.last, 0, scale.zero), box(steps.slice(-1).map((s) => ({ ...s, from: worth[0] })), range, worth[1], 1, scale.zero),
      ...wallLines(steps, trials.last, scale), limits(param, scale, range), ...dropped(view, worth),
      { id: "trials", type: "scatter", data: shown.map((t) => marks.byRank(t, [t.trial, place(t)], trials.share(t))), symbolSize: size, emphasis, z: 4, progressive: 0, cursor: "pointer" },
      { id: "worth", type: "scatter", xAxisIndex: 1, yAxisIndex: 1, data: shown.map((t) => marks.byRank(t, [score(t), place(t)], trials.share(t))), symbolSize: size, emphasis, z: 4, progressive: 0, cursor: "pointer" },
      best ? bestMark(trials, metric, (t) => [t.trial, place(t)], { label: { show: false } }) : { id: "ring", type: "scatter", data: [] },
      best ? bestMark(trials, metric, (t) => [score(t), place(t)], { id: "ring2", xAxisIndex: 1, yAxisIndex: 1, label: { show: false } }) : { id: "ring2", type: "scatter", data: [] },
      decisions(view, range),
    ],
  };
}

// The same trial lies at the same place each time.
function jitter(trial) {
  const mixed = Math.imul(trial ^ (trial >>> 7), 0x9e3779b1);
  return (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 8) / 2 ** 25 - 0.25;
}

// What lies outside the box is darker; what is inside stays paper. `zero`: where a zero beside a log range has its place.
function box(steps, range, end, grid, zero) {
  const data = steps.map((step, i) => [step.from, i + 1 < steps.length ? steps[i + 1].from : end + 0.5, step.low, step.high]);
  return {
    id: `box${grid}`, type: "custom", silent: true, z: 1, xAxisIndex: grid, yAxisIndex: grid, data, clip: true,
    encode: { x: [0, 1], y: [2, 3] },
    renderItem: (item, api) => {
      const step = data[item.dataIndex];
      const [x0, top] = api.coord([step[0], step[3]]), [x1, bottom] = api.coord([step[1], step[2]]);
      const roof = api.coord([step[0], range[1]])[1], floor = api.coord([step[0], range[0]])[1];
      const fill = { fill: colour("outside") };
      const [ceiling, ground] = zero === null ? [0, 0] : [api.coord([0, zero + 0.18])[1], api.coord([0, zero - 0.18])[1]];
      return { type: "group", children: [
        { type: "rect", shape: { x: x0, y: roof, width: x1 - x0 + 0.5, height: Math.max(top - roof, 0) }, style: fill },
        { type: "rect", shape: { x: x0, y: bottom, width: x1 - x0 + 0.5, height: Math.max(floor - bottom, 0) }, style: fill },
        { type: "rect", shape: { x: x0, y: ceiling, width: x1 - x0, height: Math.max(Math.min(ground, floor) - ceiling, 0) }, style: { fill: colour("card") } },
      ] };
    },
  };
}

// The walls themselves: two stairs over the trials.
function wallLines(steps, end, scale) {
  return ["low", "high"].map((side) => ({
    id: `wall-${side}`, type: "line", step: "end", showSymbol: false, silent: true, z: 3,
    data: scale.choices ? [] : [...steps.map((s) => [s.from, s[side]]), [end + 0.5, steps[steps.length - 1][side]]],
    lineStyle: { color: colour("wall"), width: 2.5, cap: "square" },
  }));
}

function limits(param, scale, range) {
  const places = (scale.choices ? [] : param.limits ?? []).map((v) => scale.to(v)).filter((v) => v !== null && v > range[0] && v < range[1]);
  return {
    id: "limits", type: "scatter", data: [], silent: true,
    markLine: { symbol: "none", silent: true, data: places.map((yAxis) => ({ yAxis })),
      lineStyle: { color: colour("soft"), type: "dashed" }, label: { formatter: "limit", position: "insideStartTop", color: colour("soft") } },
  };
}

// The rows of choices that are no longer tried.
function dropped({ events, scale, trials }, worth) {
  const gone = scale.choices ? events.filter((e) => e.choice !== null).map((e) => [scale.to(e.choice), trials.madeBy(e.at) + 0.5]) : [];
  const areas = (grid, span) => ({
    id: `dropped${grid}`, type: "scatter", data: [], silent: true, xAxisIndex: grid, yAxisIndex: grid,
    markArea: { silent: true, itemStyle: { color: colour("outside") },
      data: gone.map(([row, from]) => [{ coord: [span(from)[0], row - 0.5] }, { coord: [span(from)[1], row + 0.5] }]) },
  });
  return [areas(0, (from) => [from, trials.last + 0.5]), areas(1, () => worth)];
}

function decisions({ events, scale, trials, param, wide }, range) {
  const data = eventPlaces(events, scale, trials, range).map(({ event, place, up, inward }) => {
    const verdict = VERDICTS[event.decision] ?? { says: event.decision, hue: "warned" };
    const moved = verdict.hue === "moved";
    return {
      value: place, up, behind: event.trials, tip: () => evidence(event, verdict, param),
      symbol: moved ? "triangle" : event.decision === "ask" ? "diamond" : "circle", symbolRotate: up !== inward ? 0 : 180, symbolSize: moved ? 16 : 15,
      itemStyle: { color: colour(verdict.hue), borderColor: colour("card"), borderWidth: 1.5 },
      label: moved ? step(event, place[0] > trials.last * (wide ? 0.84 : 0.6), scale) : { show: true, position: "inside", formatter: event.decision === "ask" ? "?" : "!", color: colour("card"), fontWeight: 700 },
    };
  });
  return { id: "decisions", type: "scatter", data, z: 8, cursor: "help", labelLayout: ({ dataIndex }) => ({ hideOverlap: true, dy: data[dataIndex].up ? -11 : 11 }) };
}

// "0.0001 → 0.0464", or the new box where both walls moved: beside the wall and outside the box.
function step(event, late, scale) {
  const both = Array.isArray(event.new);
  const says = both ? `${number(event.new[0])} … ${number(event.new[1])}` : `${number(event.old)} → ${number(event.new)}`;
  return {
    show: !scale.choices, formatter: says, position: late ? "left" : "right", distance: 9,
    color: colour("ink"), fontWeight: 600, textBorderColor: colour("outside"), textBorderWidth: 3,
  };
}

function evidence(event, verdict, param) {
  const { best, lean, slope, trend, top, trials } = event.evidence;
  const said = (name, value) => (Number.isFinite(value) ? `${name} ${number(Number(value.toPrecision(3)))}` : null);
  return tip(`${param.name}: ${verdict.says}`, event.text,
    [`best ${top} of ${trials}`, said("best at", best), said("lean", lean), said("slope t", slope), said("trend", trend)].filter(Boolean).join(" · "),
    event.trials?.length ? `behind it: trials ${event.trials.join(", ")} (click to compare their curves)` : null,
    event.decision === "ask" ? (event.approved ? "approved" : `hone approve … ${param.name}  says yes`) : null);
}
