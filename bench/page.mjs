#!/usr/bin/env node
// The dashboard's page in a browser at ten thousand trials, while the search goes on: one JSON line per figure.
//   tools/install build browser && make && bench/page.mjs
// Processor time of the page's main thread, which does not depend on what else the machine does: until the table is there,
// until every chart is painted, and what a second of watching costs while trials come in. Longest task: the longest time,
// on the clock, that the page did not answer to its reader.
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
  const longest = () => page.evaluate(() => Math.max(0, ...window.tasks.splice(0)));
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent_ms = async () => (await session.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
  await place.visit(page, "/study/many");
  await page.waitForSelector(".trials tbody a", { state: "attached" });
  say("load, until the table", await spent_ms(), "ms of processor");
  await coloursOf(page);
  say("load, until every chart is painted", await spent_ms(), "ms of processor");
  say("load, longest task", await longest(), "ms");
  await page.setViewportSize({ width: 1280, height: 1000 });
  const [before, began] = [await spent_ms(), performance.now()];
  const newest = () => document.querySelector(".trials tbody a").textContent;
  const first = Number(await page.evaluate(newest));
  await page.waitForFunction((seen) => Number(document.querySelector(".trials tbody a").textContent) > seen + 500, first);
  say("a second while the search goes on", ((await spent_ms()) - before) / ((performance.now() - began) / 1000), "ms of processor");
  say("while it goes on, longest task", await longest(), "ms");
} finally {
  await place.close();
}
