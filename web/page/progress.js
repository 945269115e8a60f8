// How far a study is: trials done, how fast, and when it will be through.
import { el, say } from "/dom.js";
import { duration, number, whole } from "/format.js";

const samples = new Map(); // study: [[seconds, done], …] of the last minutes, as this page saw it

export function doneOf(study) {
  const { complete, pruned, failed, cancelled } = study.counts;
  return complete + pruned + failed + cancelled;
}

// Trials a second: of the last two minutes if the page has watched for a while, else since the study began.
export function rateOf(study, now) {
  const done = doneOf(study);
  if (study.ended) return study.started ? done / Math.max(study.ended - study.started, 1e-3) : null;
  const seen = (samples.get(study.study) ?? []).filter(([at]) => now - at < 120);
  seen.push([now, done]);
  samples.set(study.study, seen);
  const [first, before] = seen[0];
  if (now - first > 10) return (done - before) / (now - first);
  return study.started && done ? done / (now - study.started) : null;
}

export function leftOf(study, now) {
  const rate = rateOf(study, now);
  if (study.ended || !study.trials_budget || !rate) return null;
  return Math.max(study.trials_budget - doneOf(study), 0) / rate;
}

export function rateText(rate) {
  if (rate === null || !Number.isFinite(rate)) return "–";
  if (rate >= 0.5) return `${number(Number(rate.toPrecision(2)))} / s`;
  if (rate * 60 >= 0.5) return `${number(Number((rate * 60).toPrecision(2)))} / min`;
  return `${number(Number((rate * 3600).toPrecision(2)))} / h`;
}

// A bar of all trials in the colours of their statuses; `hues` by status.
export class Bar {
  constructor() {
    this.parts = new Map();
    this.root = el("div.bar", { role: "img" });
  }

  update(study, hues) {
    const all = Math.max(study.trials_budget ?? 0, Object.values(study.counts).reduce((a, b) => a + b, 0), 1);
    for (const [status, count] of Object.entries(study.counts)) {
      if (!this.parts.has(status)) {
        const part = el("i");
        part.style.background = hues[status] ?? "";
        this.parts.set(status, part);
        if (status === "waiting") this.root.append(part);
        else this.root.insertBefore(part, this.parts.get("waiting") ?? null);
      }
      this.parts.get(status).style.width = `${(100 * count) / all}%`;
    }
    this.root.setAttribute("aria-label", `${doneOf(study)} of ${study.trials_budget ?? "?"} trials have ended`);
  }
}

export function doneText(study) {
  return study.trials_budget ? `${whole(doneOf(study))} / ${whole(study.trials_budget)}` : whole(doneOf(study));
}

export function leftText(study, now) {
  if (study.ended) return `took ${duration(study.ended - (study.started ?? study.created))}`;
  const left = leftOf(study, now);
  return left === null ? "–" : `${duration(left)} left`;
}

export function stateText(study) {
  return study.ended_by && !study.unreadable ? `${study.state}: ${study.ended_by}` : study.state;
}

// A number with its name above it.
export class Fact {
  constructor(name) {
    this.value = el("dd", "–");
    this.root = el("div.fact", el("dt", name), this.value);
  }

  say(text) {
    say(this.value, text);
  }
}
