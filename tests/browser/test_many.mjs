#!/usr/bin/env node
// Ten thousand trials: the page is there, of the rows only those in sight are elements, and the last one can be found.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { coloursOf, Place } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const TRIALS = 10000;
const place = new Place();
let page;

test("ten thousand real trials", async () => {
  writeFileSync(join(place.folder, "many.json"), JSON.stringify({
    study: "many", metric: { name: "val_loss", goal: "minimize" }, trainer: { builtin: "mlp", data: "spiral:n=150", batch: 50, seed: 1 },
    space: { lr: { log: [1e-3, 10] }, l2: { log: [1e-6, 0.1], or_zero: 0.1 }, hidden: { int: [4, 16] }, optimizer: { choice: ["sgd", "adam"] } },
    search: { method: "random", trials: TRIALS, epochs: 1, seed: 1 },
  }));
  place.hone("run", join(place.folder, "many.json"), "--workers", "2", "--no-check", "-q");
  await place.dash();
  page = await place.open();
  await place.visit(page, "/study/many");
  await page.getByText("10 000 trials", { exact: false }).or(page.getByText("10\u202f000 trials")).first().waitFor();
});

test("few rows are elements, and scrolling reaches the first trial", async () => {
  assert.ok(await page.locator(".trials tbody tr").count() < 80);
  await page.locator(".scroll:has(.trials)").evaluate((view) => view.scrollTo(0, view.scrollHeight));
  await page.locator(".trials tbody a").getByText("1", { exact: true }).waitFor();
});

test("a filter finds one of them", async () => {
  await page.getByLabel("Filter the trials").fill("trial=4321");
  await page.getByText("1 of 10\u202f000 trials").waitFor();
  assert.deepEqual(await page.locator(".trials tbody a").allTextContents(), ["4321"]);
});

test("every chart is painted", async () => {
  for (const [name, count] of Object.entries(await coloursOf(page))) assert.ok(count >= 8, `${name} has ${count} colours`);
  assert.deepEqual(page.wrong, []);
});

await runAll(() => place.close());
