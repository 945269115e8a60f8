// Which worker trained which trial when.
import { Chart } from "/chart.js";
import { duration, moment, whole } from "/format.js";
import { leadToTrial } from "/marks.js";
import { colour } from "/theme.js";

const MOST = 2000;

export class Timeline {
  constructor(study) {
    this.chart = new Chart("Timeline", { height: 220, wide: true });
    leadToTrial(this.chart, study);
    this.root = this.chart.root;
  }

  update(study, trials, marks, now) {
    const all = trials.sorted.filter((t) => t.started && t.worker);
    const shown = all.slice(-MOST);
    const workers = [...new Set(shown.map((t) => t.worker))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    this.chart.canvas.style.height = `${Math.min(70 + 24 * workers.length, 480)}px`;
    this.chart.set(() => option(shown, workers, marks, now));
    this.chart.say(all.length > MOST ? `The newest ${whole(MOST)} of ${whole(all.length)} trials.` : all.length ? "" : "No trial has started yet.");
  }

  close() {
    this.chart.close();
  }
}

function option(trials, workers, marks, now) {
  const row = new Map(workers.map((name, i) => [name, i]));
  const start = Math.min(...trials.map((t) => t.started));
  const end = Math.max(...trials.map((t) => t.ended ?? now));
  const data = trials.map((t) => ({
    value: [t.started - start, (t.ended ?? now) - start, row.get(t.worker)], trial: t.trial, tip: () => marks.tip(t), hue: marks.hue(t.status),
  }));
  return {
    grid: { left: 8, right: 18, top: 8, bottom: 42, containLabel: true },
    xAxis: { type: "value", min: 0, max: Math.max(end - start, 0.001), name: `since ${moment(start)}`, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("soft") },
      axisLabel: { color: colour("soft"), formatter: duration, hideOverlap: true, showMaxLabel: false }, splitLine: { lineStyle: { color: colour("grid") } } },
    yAxis: { type: "category", inverse: true, data: workers, axisLabel: { color: colour("ink"), width: 110, overflow: "truncate" }, axisTick: { show: false }, axisLine: { show: false } },
    series: [{ id: "spans", type: "custom", data, encode: { x: [0, 1], y: 2 }, clip: true, cursor: "pointer", progressive: 0,
      renderItem: (item, api) => span(api, data[item.dataIndex].hue) }],
  };
}

function span(api, hue) {
  const [x0, y] = api.coord([api.value(0), api.value(2)]), [x1] = api.coord([api.value(1), api.value(2)]);
  const height = Math.min(api.size([0, 1])[1] * 0.7, 18);
  return { type: "rect", shape: { x: x0, y: y - height / 2, width: Math.max(x1 - x0 - 0.5, 1), height, r: 2 }, style: { fill: hue, opacity: 0.85 } };
}
