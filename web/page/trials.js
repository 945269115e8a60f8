// All trials of a study as the page has them, kept up to date by increments; and what charts ask of them.
import { number } from "/format.js";

export class Trials {
  constructor() {
    this.byNumber = new Map();
    this.version = null;
    this.sorted = [];
  }

  // `answer` is /api/trials. Returns whether something changed.
  take(answer, metric) {
    if (answer.all) this.byNumber.clear();
    for (const trial of answer.trials) this.byNumber.set(trial.trial, trial);
    this.version = answer.version;
    if (!answer.all && !answer.trials.length) return false;
    this.metric = metric;
    this.sorted = [...this.byNumber.values()].sort((a, b) => a.trial - b.trial);
    this.rank();
    return true;
  }

  // share: 1 for the best trial, towards 0 for the worst; null without a score.
  rank() {
    const sign = this.metric.goal === "minimize" ? 1 : -1;
    this.ranked = this.sorted.filter((t) => Number.isFinite(scoreOf(t)))
      .sort((a, b) => sign * (scoreOf(a) - scoreOf(b)) || a.trial - b.trial);
    this.shares = new Map(this.ranked.map((t, i) => [t.trial, 1 - i / Math.max(this.ranked.length - 1, 1)]));
  }

  get best() {
    return this.ranked[0] ?? null;
  }

  get last() {
    return this.sorted.length ? this.sorted[this.sorted.length - 1].trial : 0;
  }

  share(trial) {
    return this.shares.get(trial.trial) ?? null;
  }

  get(trial) {
    return this.byNumber.get(trial) ?? null;
  }

  scores() {
    return this.ranked.map(scoreOf);
  }

  // How many trials had been made by then.
  madeBy(seconds) {
    let low = 0, high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sorted[middle].created <= seconds) low = middle + 1;
      else high = middle;
    }
    return low ? this.sorted[low - 1].trial : 0;
  }

  // At most `most` of them for a chart: the best, what runs, and evenly of the others. In order of their numbers.
  thin(most) {
    if (this.sorted.length <= most) return this.sorted;
    const keep = new Set(this.ranked.slice(0, most >> 2).map((t) => t.trial));
    const step = this.sorted.length / (most - keep.size);
    for (let at = 0; at < this.sorted.length; at += step) keep.add(this.sorted[Math.floor(at)].trial);
    return this.sorted.filter((t) => keep.has(t.trial) || t.status === "running");
  }
}

export function scoreOf(trial) {
  return trial.values[0];
}

// The point, in the order of the space: "lr 0.02, hidden 127".
export function pointOf(trial, space) {
  return space.filter((p) => trial.params[p.name] !== null && trial.params[p.name] !== undefined)
    .map((p) => `${p.name} ${number(trial.params[p.name])}`).join(", ");
}

const ENDED = new Set(["complete", "pruned", "failed", "cancelled"]);

export function isOver(trial) {
  return ENDED.has(trial.status);
}
