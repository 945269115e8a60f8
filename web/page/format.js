// Numbers, lengths of time and moments, as people read them.

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size < 1e-3 || size >= 1e7) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

// For a tick of an axis: shorter, but no two alike where the next one is `step` away.
export function tick(value, step = 0) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  const told = step > 0 ? Math.min(Math.max(Math.ceil(Math.log10(size / step) + 1e-9) + 1, 1), 12) : 0; // digits
  if (size < 1e-2 || size >= 1e5) return value.toExponential(Math.max(told - 1, 1)).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(Math.max(told, 3))));
}

// Seconds at a tick, in milliseconds below one.
export function tickSeconds(value, step) {
  return Math.abs(value) < 1 && value !== 0 ? `${tick(value * 1e3, step * 1e3)} ms` : `${tick(value, step)} s`;
}

// "1 trial", "1 000 trials"
export function trialCount(count) {
  return `${whole(count)} trial${count === 1 ? "" : "s"}`;
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// 10⁻⁴; 1 and 10 as they are.
export function decade(exponent) {
  if (exponent === 0 || exponent === 1) return String(10 ** exponent);
  return `10${[...String(exponent)].map((c) => RAISED[c]).join("")}`;
}

// As typed back into a command: nothing lost.
export function exact(value) {
  return String(value);
}

export function whole(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} days`;
}

export function moment(seconds) {
  if (!seconds) return "–";
  const at = new Date(seconds * 1000);
  const clock = at.toTimeString().slice(0, 8);
  return at.toDateString() === new Date().toDateString() ? clock : `${at.toISOString().slice(0, 10)} ${clock.slice(0, 5)}`;
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}
