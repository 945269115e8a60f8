// A card with a chart of ECharts in it. It draws when it is in sight, when its size or the theme changes, and otherwise
// keeps what it shows: what is brushed, zoomed or pointed at stays so when new trials arrive.
import { el, swap } from "/dom.js";
import { whole } from "/format.js";
import { colour, onTheme } from "/theme.js";

export const NO_CHARTS = "This hone was built without its chart library.";

// One chart at a time, and between them whatever the reader does.
const painters = {
  waiting: new Set(),
  add(chart) {
    this.waiting.add(chart);
    this.timer ??= setTimeout(() => this.next());
  },
  next() {
    const [chart] = this.waiting;
    this.waiting.delete(chart);
    this.timer = this.waiting.size ? setTimeout(() => this.next()) : null;
    chart?.paint();
  },
};

export class Chart {
  // `label` is read to who cannot see it. `extra` are controls beside the title.
  constructor(title, { label = title, height = 280, wide = false, extra = [] } = {}) {
    this.canvas = el("div.plot", { role: "img", "aria-label": label });
    this.canvas.style.height = `${height}px`;
    this.note = el("p.note");
    this.heading = el("h2", title);
    this.root = el(`section.card${wide ? ".wide" : ""}`, el("header", this.heading, el("div.controls", extra)), this.canvas, this.note);
    this.handlers = [];
    this.inSight = false;
    this.cost_ms = this.drawn_ms = 0;
    this.dirty = null;
    this.watch();
  }

  watch() {
    this.sight = new IntersectionObserver((entries) => {
      this.inSight = entries[entries.length - 1].isIntersecting;
      this.draw();
    }, { rootMargin: "150px" });
    this.sight.observe(this.canvas);
    this.size = new ResizeObserver(() => this.instance?.resize());
    this.size.observe(this.canvas);
    this.untheme = onTheme(() => {
      this.whole = true;
      this.set(this.last);
    });
  }

  // `makeOption` is called when it is drawn, at once or when it comes into sight.
  set(makeOption) {
    if (!makeOption) return;
    this.last = this.dirty = makeOption;
    this.draw();
  }

  // A chart that takes long is drawn less often: never for more than a tenth of the time.
  draw() {
    if (!this.dirty || !this.inSight || this.timer) return;
    const rest_ms = this.cost_ms * 10 - (performance.now() - this.drawn_ms);
    this.timer = setTimeout(() => {
      this.timer = null;
      painters.add(this);
    }, Math.max(rest_ms, 0));
  }

  paint() {
    if (!this.dirty || !this.inSight || !this.canvas.isConnected) return;
    if (typeof echarts === "undefined") {
      swap(this.canvas, el("p.lacking", NO_CHARTS, " To have the charts: ", el("code", "tools/install charts && make")));
      return;
    }
    const makeOption = this.dirty, began = performance.now();
    this.dirty = null;
    if (!this.instance) this.start();
    this.instance.setOption({ ...common(), ...makeOption(this) }, this.whole ? { notMerge: true } : { replaceMerge: ["series"] });
    this.whole = false;
    this.drawn_ms = performance.now();
    this.cost_ms = this.drawn_ms - began;
    this.canvas.dataset.drawn = Number(this.canvas.dataset.drawn ?? 0) + 1;
  }

  start() {
    this.instance = echarts.init(this.canvas, null, { renderer: "canvas" });
    for (const [event, handler] of this.handlers) this.instance.on(event, handler);
  }

  on(event, handler) {
    this.handlers.push([event, handler]);
    this.instance?.on(event, handler);
  }

  say(text) {
    this.note.textContent = text;
  }

  close() {
    clearTimeout(this.timer);
    painters.waiting.delete(this);
    this.sight.disconnect();
    this.size.disconnect();
    this.untheme();
    this.instance?.dispose();
  }
}

function common() {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { color: colour("ink"), fontFamily: "system-ui, sans-serif", fontSize: 11 },
    tooltip: {
      confine: true, className: "tip", backgroundColor: colour("card"), borderColor: colour("line"), padding: 10,
      textStyle: { color: colour("ink"), fontSize: 12 }, transitionDuration: 0, formatter: (item) => item.data?.tip?.() ?? null,
    },
  };
}

// An axis of places (scale.js): `ticks` where there are labels, `label(place)` what they say.
export function axis({ name = "", range, ticks, label, more = {} }) {
  return {
    type: "value", name, min: range[0], max: range[1],
    nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("soft") },
    axisLine: { show: false }, axisTick: { show: false, customValues: ticks },
    axisLabel: { color: colour("soft"), formatter: label, customValues: ticks, hideOverlap: true },
    splitLine: { lineStyle: { color: colour("grid") } }, ...more,
  };
}

// Numbers of trials along x.
export function trialAxis(most, more = {}) {
  return {
    type: "value", min: 0, max: Math.max(most, 5) + 0.5, minInterval: 1, name: "trial", nameLocation: "middle", nameGap: 26,
    nameTextStyle: { color: colour("soft") }, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: colour("soft"), formatter: (at) => (at && Number.isInteger(at) ? whole(at) : ""), hideOverlap: true }, ...more,
  };
}

// What is shown over a point: a title and lines, all of it text.
export function tip(title, ...lines) {
  return el("div", el("strong", title), lines.filter(Boolean).map((line) => el("div", line)));
}
