// The scale of a parameter: from its value to a place on a linear axis and back, so that every chart shows a rate in
// decades, a probability by its odds and a choice by its name. "0 or log" has its zero a little below the range.
import { decade, tick, tickSeconds } from "/format.js";

const LOG10 = Math.log10;
const AXES = {
  linear: { to: (v) => v, from: (t) => t },
  log: { to: LOG10, from: (t) => 10 ** t },
  logit: { to: (v) => LOG10(v / (1 - v)), from: (t) => 1 / (1 + 10 ** -t) },
};

export class Scale {
  // `param` is a row of "space" of /api/study.
  constructor(param) {
    this.name = param.name;
    this.choices = param.choices?.length && param.low === null ? param.choices.map(String) : null;
    this.kind = this.choices ? "choice" : (AXES[param.scale] ? param.scale : "linear");
    this.axis = AXES[this.kind] ?? AXES.linear;
    this.zero = null;
    if (!this.choices && this.kind === "log" && param.or_zero > 0)
      this.zero = this.axis.to(param.low) - 0.06 * (this.axis.to(param.high) - this.axis.to(param.low)) - 0.3;
  }

  // null: the parameter is not active there, or its value has no place
  to(value) {
    if (value === null || value === undefined) return null;
    if (this.choices) {
      const at = this.choices.indexOf(String(value));
      return at < 0 ? null : at;
    }
    if (value === 0 && this.zero !== null) return this.zero;
    const place = this.axis.to(value);
    return Number.isFinite(place) ? place : null;
  }

  label(place) {
    if (this.choices) return this.choices[Math.round(place)] ?? "";
    if (this.zero !== null && Math.abs(place - this.zero) < 1e-9) return "0";
    return this.far && this.kind === "log" && Number.isInteger(place) ? decade(place) : tick(this.axis.from(place));
  }

  // [lowest, highest] place of what is to be seen, with a margin.
  range(places) {
    if (this.choices) return [-0.5, this.choices.length - 0.5];
    const seen = places.filter((place) => place !== null);
    if (!seen.length) return [0, 1];
    const low = Math.min(...seen), high = Math.max(...seen);
    const margin = (high - low || Math.abs(high) || 1) * 0.05;
    return [low - margin, high + margin];
  }

  ticks([low, high]) {
    if (this.choices) return this.choices.map((_, i) => i);
    const wide = high - low;
    this.far = wide > 3; // decades are then written as powers
    const nice = this.kind === "linear" ? niceTicks(low, high) : wide < 1.2 ? this.fineTicks(low, high) : decades(low, high);
    return this.zero === null ? nice : [this.zero, ...nice.filter((at) => at > this.zero + 0.15)];
  }

  // Less than a decade: 1, 2, 5 and the like.
  fineTicks(low, high) {
    return niceTicks(this.axis.from(low), this.axis.from(high)).map((v) => this.axis.to(v)).filter(Number.isFinite);
  }
}

function decades(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(at);
  return ticks;
}

export function niceTicks(low, high, most = 6) {
  const rough = (high - low) / most;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(LOG10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= rough) * power;
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

// A metric: smaller-is-better losses that span decades are read on a log axis.
export class MetricScale {
  constructor(metric, values, wish = null) {
    this.name = metric.name;
    this.best = metric.goal === "minimize" ? Math.min : Math.max;
    this.goal = metric.goal;
    const finite = values.filter(Number.isFinite);
    this.canLog = finite.length > 0 && finite.every((v) => v > 0) && spread(finite) > 3;
    this.log = this.canLog && (wish ?? (/loss|err|rmse|mse|mae|nll|perplexity|regret/i.test(metric.name) && spread(finite) > 10));
  }

  to(value) {
    if (!Number.isFinite(value)) return null;
    return this.log ? (value > 0 ? LOG10(value) : null) : value;
  }

  from(place) {
    return this.log ? 10 ** place : place;
  }

  label(place) {
    return (this.name === "seconds" ? tickSeconds : tick)(this.from(place), this.step);
  }

  better(a, b) {
    return this.goal === "minimize" ? a < b : a > b;
  }

  // Most of them, and the best one for sure: a few wild ones do not flatten the rest.
  range(values) {
    const places = values.map((v) => this.to(v)).filter((v) => v !== null).sort((a, b) => a - b);
    if (!places.length) return [0, 1];
    const at = (share) => places[Math.round(share * (places.length - 1))];
    let low = places[0], high = places[places.length - 1];
    const middle = at(0.9) - at(0.1) || high - low || Math.abs(high) || 1;
    if (this.goal === "minimize") high = Math.min(high, at(0.9) + 2 * middle);
    else low = Math.max(low, at(0.1) - 2 * middle);
    const margin = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - margin, high + margin];
  }

  ticks(range) {
    const places = this.placesOf(range);
    this.step = this.log || places.length < 2 ? 0 : places[1] - places[0];
    return places;
  }

  placesOf([low, high]) {
    return this.log && high - low > 1.2 ? decades(low, high) : this.log
      ? niceTicks(this.from(low), this.from(high)).map((v) => this.to(v)).filter((v) => v !== null)
      : niceTicks(low, high, 5);
  }
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length - 1] / sorted[0];
}
