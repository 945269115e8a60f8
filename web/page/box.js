// The history of a parameter's box: what its walls were from which trial on, in places of its scale.

import { number } from "/format.js";

// "1e-4 … 1, log", or the choices.
export function spaceText(param) {
  if (param.choices?.length && param.low === null) return param.choices.join(", ");
  return `${number(param.low)} … ${number(param.high)}${param.scale && param.scale !== "linear" ? `, ${param.scale}` : ""}`;
}

// [{from, low, high}], from: the number of the first trial that could be drawn from it, less a half.
export function boxSteps(param, scale, events, trials) {
  if (scale.choices) return [{ from: 0, low: -0.5, high: scale.choices.length - 0.5 }];
  const steps = [{ from: 0, low: scale.to(param.low), high: scale.to(param.high) }];
  for (const event of events) {
    const at = event.decision === "ask" ? event.approved : event.at;
    if (at) add(steps, trials.madeBy(at) + 0.5, wallsAfter(event, scale, steps[steps.length - 1]));
  }
  add(steps, trials.last + 0.5, walls(scale, param.box_low, param.box_high, steps[steps.length - 1])); // a box that no event tells of
  return steps;
}

function wallsAfter(event, scale, before) {
  if (event.side === "both" && Array.isArray(event.new)) return walls(scale, event.new[0], event.new[1], before);
  return event.side === "low" ? walls(scale, event.new, null, before) : walls(scale, null, event.new, before);
}

function walls(scale, low, high, before) {
  return { low: placeOr(scale, low, before.low), high: placeOr(scale, high, before.high) };
}

function placeOr(scale, value, otherwise) {
  const place = value === null || value === undefined ? null : scale.axis.to(value);
  return Number.isFinite(place) ? place : otherwise;
}

function add(steps, from, { low, high }) {
  const last = steps[steps.length - 1];
  const same = Math.abs(low - last.low) < 1e-9 && Math.abs(high - last.high) < 1e-9;
  if (same) return;
  if (last.from === from) Object.assign(last, { low, high });
  else steps.push({ from, low, high });
}

// Where each decision is marked: on the wall that it is about. `up`: it is about the high wall, `inward`: it closes in.
export function eventPlaces(events, scale, trials, range) {
  return events.map((event) => {
    const up = event.side !== "low";
    const x = trials.madeBy(event.at) + 0.5;
    if (event.choice !== null && scale.choices) return { event, up: false, inward: false, place: [x, scale.to(event.choice) ?? range[0]] };
    const old = Array.isArray(event.old) ? event.old[up ? 1 : 0] : event.old;
    const now = Array.isArray(event.new) ? event.new[up ? 1 : 0] : event.new;
    const place = placeOr(scale, event.decision === "ask" && !event.approved ? old : now, up ? range[1] : range[0]);
    return { event, up, inward: event.decision === "shrink", place: [x, place] };
  });
}
