// How a trial is drawn as a point: its form and colour say its status; the statuses' colours are the server's.
import { tip } from "/chart.js";
import { number } from "/format.js";
import { pointOf, scoreOf } from "/trials.js";
import { colour, ramp } from "/theme.js";

const CROSS = "path://M-5,-4 L-4,-5 L0,-1 L4,-5 L5,-4 L1,0 L5,4 L4,5 L0,1 L-4,5 L-5,4 L-1,0 Z";
const FORMS = { failed: CROSS, cancelled: CROSS, pruned: "triangle", paused: "diamond", waiting: "circle", running: "circle" };

export class Marks {
  constructor(statuses, study) {
    this.hues = Object.fromEntries(statuses.map((s) => [s.name, s.hue]));
    this.study = study;
  }

  hue(status) {
    return this.hues[status] ?? colour("soft");
  }

  form(trial) {
    return trial.cause === "diverged" ? CROSS : FORMS[trial.status] ?? "circle";
  }

  // Coloured by status.
  byStatus(trial, place) {
    const hue = this.hue(trial.status);
    const hollow = trial.status === "running" || trial.status === "waiting";
    return this.point(trial, place, hollow ? { color: colour("card"), borderColor: hue, borderWidth: 2 } : { color: hue, opacity: 0.75 });
  }

  // Coloured by rank, from poor to good; without a score by status.
  byRank(trial, place, share) {
    if (share === null) return this.byStatus(trial, place);
    return this.point(trial, place, { color: ramp(share), borderColor: colour("line"), borderWidth: share > 0.5 ? 0 : 0.5 });
  }

  point(trial, place, itemStyle) {
    return { value: place, trial: trial.trial, symbol: this.form(trial), itemStyle, tip: () => this.tip(trial) };
  }

  tip(trial) {
    const { metrics, space } = this.study;
    const values = trial.values.map((v, i) => `${metrics[i]?.name ?? ""} ${number(v)}`).join(", ");
    return tip(`trial ${trial.trial} · ${trial.status}${trial.cause ? ` (${trial.cause})` : ""}`,
      Number.isFinite(scoreOf(trial)) ? `${values}, epoch ${trial.best_epoch} of ${trial.epochs}` : `epoch ${trial.epochs}`,
      pointOf(trial, space), trial.why);
  }
}

// A click on a point leads to its trial.
export function leadToTrial(chart, study) {
  chart.on("click", (item) => {
    if (item.data?.trial) location.hash = trialHash(study, item.data.trial);
  });
}

export function studyHash(study) {
  return `#/study/${encodeURIComponent(study)}`;
}

export function trialHash(study, trial) {
  return `${studyHash(study)}/trial/${trial}`;
}
