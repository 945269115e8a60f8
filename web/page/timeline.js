// Which worker trained which trial when: a span for each attempt.
import { Chart, tip } from "/chart.js";
import { duration, moment, whole } from "/format.js";
import { leadToTrial } from "/marks.js";
import { get } from "/net.js";
import { colour } from "/theme.js";

const MOST = 2000;

export class Timeline {
  constructor(study) {
    this.study = study;
    this.chart = new Chart("Timeline", { height: 220, wide: true });
    leadToTrial(this.chart, study);
    this.root = this.chart.root;
  }

  // Asked for when it is in sight, or was never seen.
  async update(trials, marks) {
    if (this.version === trials.version || (this.version && !this.chart.inSight)) return;
    const { attempts } = await get("attempts", { study: this.study, most: MOST });
    this.version = trials.version;
    const now = Date.now() / 1000;
    const spans = attempts.filter((a) => a.started).map((a) => ({ ...a, ended: a.ended ?? now, open: !a.ended, of: trials.get(a.trial) }));
    const workers = [...new Set(spans.map((a) => a.worker))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    this.chart.canvas.style.height = `${Math.min(70 + 24 * workers.length, 480)}px`;
    if (spans.length) this.chart.set(() => option(spans, workers, marks));
    this.chart.say(spans.length >= MOST ? `The newest ${whole(MOST)} attempts.` : spans.length ? "" : "No trial has started yet.");
  }

  close() {
    this.chart.close();
  }
}

// The colour of an attempt: of one that ended with its trial's status, that status.
function hueOf({ open, outcome, of }, marks) {
  if (open) return marks.hue("running");
  if (outcome === "finished" || outcome === "stopped") return marks.hue(of?.status ?? "complete");
  return marks.hue(outcome === "preempted" ? "paused" : "failed");
}

function option(spans, workers, marks) {
  const row = new Map(workers.map((name, i) => [name, i]));
  const start = Math.min(...spans.map((a) => a.started));
  const end = Math.max(...spans.map((a) => a.ended));
  const data = spans.map((a) => ({
    value: [a.started - start, a.ended - start, row.get(a.worker)], trial: a.trial, hue: hueOf(a, marks),
    tip: () => tip(`trial ${a.trial}, attempt ${a.attempt}`, `on ${a.worker}, ${a.open ? "running" : a.outcome}`, `from ${moment(a.started)}, ${duration(a.ended - a.started)}`),
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
