#!/usr/bin/env node
// The dashboard's page in a browser at ten thousand trials, while the search goes on: one JSON line per figure.
//   tools/install build browser && make && bench/page.mjs
// load: from the address to the table, and to every chart painted (one after the other, in a window as high as the page). longest
// task: the longest time the page did not answer to its reader. update: of each answer that changed something, how
// long the page worked on it before it could be read, charts in sight painted. The search runs beside it, on the same cores.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { coloursOf, Place } from "../tests/browser/place.mjs";

const TRIALS = Number(process.env.TRIALS ?? 10000), MORE = 4000;
const say = (figure, value, unit) => console.log(JSON.stringify({ bench: "page", figure, value: Math.round(value), unit, trials: TRIALS, cores: cpus().length }));
const place = new Place();

async function when(count) {
  const headers = { Authorization: `Bearer ${place.token}` };
  for (let version = ""; ;) {
    const { studies, version: now } = await (await fetch(`${place.origin}/api/studies`, { headers })).json();
    if (studies[0]?.study === "many" && studies[0].counts.complete >= count) return;
    version = now;
    await fetch(`${place.origin}/api/changes?since=${encodeURIComponent(version)}&wait=10`, { headers });
  }
}

try {
  writeFileSync(join(place.folder, "many.json"), JSON.stringify({
    study: "many", metric: { name: "val_loss", goal: "minimize" }, trainer: { builtin: "mlp", data: "spiral:n=150", batch: 50, seed: 1 },
    space: { lr: { log: [1e-3, 10] }, l2: { log: [1e-6, 0.1], or_zero: 0.1 }, hidden: { int: [4, 16] }, optimizer: { choice: ["sgd", "adam"] } },
    search: { method: "random", trials: TRIALS + MORE, epochs: 1, seed: 1 },
  }));
  place.hone("run", "examples/shell.json", "-q"); // so that there is a database
  place.start("run", join(place.folder, "many.json"), "--workers", "1", "--no-check", "-q");
  await place.dash();
  await when(TRIALS);
  const page = await place.open();
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ entryTypes: ["longtask"] });
  });
  const began = performance.now();
  await place.visit(page, "/study/many");
  await page.waitForSelector(".trials tbody a");
  say("load, table", performance.now() - began, "ms");
  await page.waitForFunction(() => document.querySelector(".plot canvas"));
  say("load, first chart", performance.now() - began, "ms");
  const longest = () => page.evaluate(() => Math.max(0, ...window.tasks.splice(0)));
  await page.waitForFunction(() => [...document.querySelectorAll(".plot")].filter((p) => p.dataset.drawn > 3).length > 1);
  say("load and first updates, longest task", await longest(), "ms");
  const first = await page.locator(".trials tbody a").first().textContent();
  await page.waitForFunction((seen) => Number(document.querySelector(".trials tbody a").textContent) > Number(seen) + 300, first);
  say("while it runs, longest task", await longest(), "ms");
  const painting = performance.now();
  await coloursOf(page);
  say("every chart painted", performance.now() - painting, "ms");
  say("every chart painted, longest task", await longest(), "ms");
  await page.evaluate(() => document.querySelector(".scroll:has(.trials)").scrollIntoView());
  const scroll = await page.evaluate(async () => {
    const view = document.querySelector(".scroll:has(.trials)");
    const began_ms = performance.now();
    for (let i = 1; i <= 60; i++) {
      view.scrollTop = (view.scrollHeight * i) / 60;
      await new Promise(requestAnimationFrame);
    }
    return (performance.now() - began_ms) / 60;
  });
  say("a frame while the table scrolls", scroll, "ms");
} finally {
  await place.close();
}
