// Which parameter matters: its share of the variance of the score, and how sure that is.
import { Chart, tip } from "/chart.js";
import { percent, trialCount } from "/format.js";
import { get } from "/net.js";
import { colour } from "/theme.js";

export class Importance {
  constructor(study) {
    this.study = study;
    this.chart = new Chart("Importance", { height: 220 });
    this.root = this.chart.root;
    this.chart.canvas.hidden = true;
    this.chart.say("Being computed …");
    this.seen = 0;
  }

  // It is a computation over all trials: asked for anew when there are a tenth more of them, and nothing waits for it.
  async update(trials) {
    const finished = trials.ranked.length;
    if (this.asks || (this.seen && finished < this.seen * 1.1 + 2)) return;
    this.seen = finished;
    this.asks = this.root.ariaBusy = true;
    try {
      this.show(await get("importance", { study: this.study }));
    } catch (error) {
      this.show({ importance: [], note: error.message });
      this.seen = 0; // the next time, then
    }
    this.asks = this.root.ariaBusy = false;
  }

  show({ importance, note }) {
    if (!importance?.length) {
      this.chart.canvas.hidden = true;
      this.chart.say(note ? note[0].toUpperCase() + note.slice(1) : "Known when some more trials have ended.");
      return;
    }
    this.chart.canvas.hidden = false;
    const rows = [...importance].sort((a, b) => a.share - b.share);
    this.chart.canvas.style.height = `${40 + 34 * rows.length}px`;
    this.chart.set(() => option(rows));
    this.chart.say(note ?? `Of the score's variance, after ${trialCount(rows[0].trials)}; the line holds nine of ten shares when the trials are drawn again.`);
  }

  close() {
    this.chart.close();
  }
}

function option(rows) {
  return {
    grid: { left: 8, right: 20, top: 4, bottom: 24, containLabel: true },
    xAxis: { type: "value", min: 0, max: 1, axisLabel: { color: colour("soft"), formatter: percent }, splitLine: { lineStyle: { color: colour("grid") } } },
    yAxis: { type: "category", data: rows.map((row) => row.param), axisLabel: { color: colour("ink"), fontSize: 12, width: 120, overflow: "truncate" }, axisTick: { show: false }, axisLine: { show: false } },
    series: [
      { id: "share", type: "bar", barMaxWidth: 18, itemStyle: { color: colour("accent"), borderRadius: [0, 3, 3, 0] },
        data: rows.map((row) => ({ value: row.share, tip: () => tip(row.param, `${percent(row.share)}, ${percent(row.low)} to ${percent(row.high)}`) })) },
      { id: "sure", type: "custom", silent: true, data: rows.map((row, i) => [row.low, row.high, i]), encode: { x: [0, 1], y: 2 },
        renderItem: (item, api) => {
          const [x0, y] = api.coord([api.value(0), api.value(2)]), [x1] = api.coord([api.value(1), api.value(2)]);
          return { type: "line", shape: { x1: x0, y1: y, x2: x1, y2: y }, style: { stroke: colour("wall"), lineWidth: 1.5 } };
        } },
    ],
  };
}
