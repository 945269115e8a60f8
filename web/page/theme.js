// Colours for the charts: those of page.css, which knows light and dark. Statuses have theirs from the server.

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();
let cache = {};
dark.addEventListener("change", () => {
  cache = {};
  for (const listener of listeners) listener();
});

export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// colour("ink") is what page.css calls --ink.
export function colour(name) {
  cache[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return cache[name];
}

// From poor to good: one hue, so that only lightness counts; safe for every eye.
const RAMP_LIGHT = [[196, 192, 182], [168, 196, 214], [92, 156, 199], [20, 104, 166], [6, 47, 92]];
const RAMP_DARK = [[88, 93, 103], [52, 94, 128], [58, 138, 192], [120, 192, 236], [226, 244, 255]];

export function ramp(share) {
  const stops = dark.matches ? RAMP_DARK : RAMP_LIGHT;
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const from = Math.min(Math.floor(at), stops.length - 2), part = at - from;
  const mixed = stops[from].map((v, i) => Math.round(v + (stops[from + 1][i] - v) * part));
  return `rgb(${mixed.join(",")})`;
}

// For a few lines that must be told apart (Okabe and Ito's, without the status colours' meaning).
const LINES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#7f7f7f"];

export function lineColour(i) {
  return LINES[i % LINES.length];
}
