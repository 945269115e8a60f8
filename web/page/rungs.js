// Which trials stand at which rung, or how far each stage came: the epochs that trials reached, split by status.
import { Chart, tip } from "/chart.js";
import { colour } from "/theme.js";

export class Rungs {
  constructor() {
    this.chart = new Chart("Rungs", { height: 260 });
    this.root = this.chart.root;
  }

  update(study, trials, marks) {
    const rows = rungsOf(trials.sorted);
    this.root.hidden = rows.length < 2;
    if (this.root.hidden) return;
    this.chart.set(() => option(rows, study.statuses, marks));
    this.chart.say("How many epochs trials were trained for, and how they stand there.");
  }

  close() {
    this.chart.close();
  }
}

// Epochs at which at least one trial was stopped, held or finished, the longest first; running ones belong to the
// last such epoch that they have reached.
function rungsOf(trials) {
  const stops = new Set(trials.filter((t) => ["pruned", "paused", "complete"].includes(t.status) && t.cause !== "diverged" && t.epochs > 0).map((t) => t.epochs));
  const rungs = [...stops].sort((a, b) => b - a);
  if (rungs.length > 12) return [];
  return rungs.map((epoch, i) => {
    const above = i ? rungs[i - 1] : Infinity;
    return { epoch, trials: trials.filter((t) => t.epochs >= epoch && t.epochs < above) };
  });
}

function option(rows, statuses, marks) {
  const seen = statuses.filter((s) => rows.some((row) => row.trials.some((t) => t.status === s.name)));
  return {
    grid: { left: 66, right: 18, top: 30, bottom: 26 },
    legend: { top: 0, left: 0, itemWidth: 10, itemHeight: 10, textStyle: { color: colour("ink") }, selectedMode: false },
    xAxis: { type: "value", minInterval: 1, axisLabel: { color: colour("soft") }, splitLine: { lineStyle: { color: colour("grid") } } },
    yAxis: { type: "category", inverse: true, data: rows.map((row) => `epoch ${row.epoch}`), axisLabel: { color: colour("ink") }, axisTick: { show: false }, axisLine: { show: false } },
    series: seen.map((status) => ({
      id: status.name, name: status.name, type: "bar", stack: "all", barMaxWidth: 26, itemStyle: { color: marks.hue(status.name) },
      data: rows.map((row) => {
        const those = row.trials.filter((t) => t.status === status.name).map((t) => t.trial);
        return { value: those.length, tip: () => tip(`${those.length} ${status.name} at epoch ${row.epoch}`, `trials ${those.slice(0, 24).join(", ")}${those.length > 24 ? " …" : ""}`) };
      }),
    })),
  };
}
