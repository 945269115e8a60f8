// A place of its own for a test: a folder, real `hone` processes in it, and a real browser: Chromium, or the one that
// HONE_BROWSER names. Whatever was started is ended by its id.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium, firefox } from "playwright-core";

export const root = resolve(import.meta.dirname, "../..");
const HONE = process.env.HONE ?? join(root, "build/hone");
export const inFirefox = process.env.HONE_BROWSER === "firefox";

// The distribution's own. Firefox is spoken to by WebDriver BiDi, in the words that Debian's knows: playwright-core after
// 1.64 says some that it does not.
function launch(prefers) {
  const found = (...names) => names.map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));
  if (!inFirefox)
    return chromium.launch({
      executablePath: found("chromium-headless-shell", "chromium", "chromium-browser"),
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
  const dark = { "ui.systemUsesDarkTheme": prefers === "dark" ? 1 : 0 };
  return firefox.launch({ channel: "moz-firefox", executablePath: found("firefox-esr", "firefox"), firefoxUserPrefs: dark });
}

export class Place {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "dash."));
    this.db = join(this.folder, "hone.db");
    this.children = [];
    this.browsers = {}; // by the colours they prefer
    this.env = { ...process.env, HONE_DB: this.db, XDG_CONFIG_HOME: this.folder, HOME: this.folder };
  }

  // To its end; its output.
  hone(...args) {
    return execFileSync(HONE, args, { env: this.env, cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  sql(text) {
    return execFileSync("sqlite3", [this.db, text], { encoding: "utf8" });
  }

  // Goes on beside the test.
  start(...args) {
    const child = spawn(HONE, args, { env: this.env, cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    child.ended = new Promise((done) => child.on("exit", done));
    this.children.push(child);
    return child;
  }

  // The dashboard, on any port (or the one given); its address with the key.
  async dash(port = 0) {
    this.server = this.start("dash", "--port", String(port));
    for await (const line of createInterface({ input: this.server.stdout })) {
      const found = /(http:\/\/\S+)/.exec(line);
      if (!found) continue;
      const url = new URL(found[1]);
      [this.origin, this.token, this.port] = [url.origin, url.hash.replace("#token=", ""), Number(url.port)];
      return found[1];
    }
    throw new Error("hone dash has ended without an address");
  }

  async stop(child) {
    child.kill("SIGTERM");
    await child.ended;
  }

  async open(options = {}) {
    const { colorScheme, isMobile, ...others } = options;
    const own = inFirefox ? others : options; // Firefox is told the colours as it starts, and has no phone's window
    const key = (inFirefox && colorScheme) || "light";
    this.browsers[key] ??= launch(key);
    const page = await (await this.browsers[key]).newPage({ viewport: { width: 1280, height: 1000 }, ...own });
    page.setDefaultTimeout(180000); // for what hangs, not for what is slow
    page.wrong = []; // what no page may say
    page.on("pageerror", (error) => page.wrong.push(String(error.stack)));
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && page.wrong.push(`${line.text()} ${line.location().url}`));
    page.on("request", (request) => !request.url().startsWith(this.origin) && !request.url().startsWith("data:") && page.wrong.push(`asks elsewhere: ${request.url()}`));
    return page;
  }

  // As somebody opens it who was given the address.
  async visit(page, path = "/") {
    await page.goto(`${this.origin}/#token=${this.token}&${path}`);
    await page.waitForFunction(() => !location.hash.startsWith("#token")); // taken: from here on the new view is shown, or busy
  }

  async close() {
    for (const browser of Object.values(this.browsers)) await (await browser).close();
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) await this.stop(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// How many colours each chart of the page shows, by the title of its card: a blank one has one. A chart is drawn once it
// is in sight, so each is looked at, as often as it takes: cards come and go while the page gets to know the study.
export async function coloursOf(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"), undefined, { timeout: 300000 }); // some is computed at the lowest priority
  const colours = await page.waitForFunction(() => {
    const plots = [...document.querySelectorAll(".card:not([hidden]) .plot:not([hidden])")];
    const blank = plots.find((plot) => !(plot.dataset.drawn > 0 && plot.querySelector("canvas")));
    blank?.scrollIntoView();
    if (blank || !plots.length) return null;
    return Object.fromEntries(plots.map((plot) => {
      const canvas = plot.querySelector("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return [plot.closest(".card").querySelector("h2").textContent, seen.size];
    }));
  });
  return colours.jsonValue();
}

// The option of the chart in the card with that title, as ECharts has it now.
export async function chartOption(page, title) {
  await page.locator(".card", { has: page.getByRole("heading", { name: title, exact: true }) }).locator("canvas").first().waitFor();
  return page.evaluate((wanted) => {
    const card = [...document.querySelectorAll(".card")].find((c) => c.querySelector("h2")?.textContent === wanted);
    return JSON.parse(JSON.stringify(window.echarts.getInstanceByDom(card.querySelector(".plot")).getOption()));
  }, title);
}

// Where a place of a chart's axes lies in the window.
export async function spotOf(page, title, finder, place) {
  const card = page.locator(".card", { has: page.getByRole("heading", { name: title, exact: true }) });
  const plot = card.locator(".plot");
  await plot.scrollIntoViewIfNeeded();
  await plot.locator("canvas").first().waitFor();
  const [x, y] = await plot.evaluate((node, [how, at]) => window.echarts.getInstanceByDom(node).convertToPixel(how, at), [finder, place]);
  const box = await plot.boundingBox();
  return [box.x + x, box.y + y];
}
