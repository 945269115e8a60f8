#!/usr/bin/env node
// A search that goes on while it is looked at: its trainer waits for the test to say what each epoch was worth.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Place } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const EPOCHS = 3;
const place = new Place();
const gate = join(place.folder, "gate"), file = join(place.folder, "study.json");
const tell = (loss) => writeFile(gate, `${loss}\n`); // until the trainer has opened it
let page, run;

test("a database with another study in it", async () => {
  execFileSync("mkfifo", [gate]);
  const epoch = `until read -r loss <gate; do :; done; printf '{"epoch":%d,"loss":%s}\\n' "$e" "$loss" >/dev/fd/$HONE_OUT_FD`;
  await writeFile(file, JSON.stringify({
    study: "gated", metric: { name: "loss", goal: "minimize" }, trainer: { command: ["sh", "-c", `for e in 1 2 3; do ${epoch}; done`] },
    space: { lr: { log: [1e-4, 1] }, depth: { int: [1, 8] } }, search: { method: "random", trials: 4, epochs: EPOCHS, seed: 1 },
  }));
  place.hone("run", "examples/shell.json", "-q");
  await place.dash();
  page = await place.open();
  await place.visit(page);
  await page.getByText("valley").waitFor();
});

test("a study that begins appears by itself", async () => {
  run = place.start("run", file, "--workers", "1", "--no-check", "-q");
  await page.getByRole("link", { name: "gated" }).waitFor();
  await page.getByRole("link", { name: "gated" }).click();
  await page.locator(".trials tbody tr", { hasText: "running" }).waitFor();
});

test("an epoch arrives, and what the reader did stays", async () => {
  await page.getByLabel("Filter the trials").fill("running");
  await page.getByLabel("Filter the trials").focus();
  const scrolled = await page.evaluate(() => scrollY);
  await tell(0.5);
  await page.locator(".trials tbody td.number", { hasText: /^0\.5$/ }).waitFor();
  assert.equal(await page.getByLabel("Filter the trials").inputValue(), "running");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  assert.equal(await page.evaluate(() => scrollY), scrolled);
  await page.getByLabel("Filter the trials").fill("");
});

test("the best so far and the progress move", async () => {
  await tell(0.25);
  await page.locator(".facts.large dd", { hasText: "0.25" }).waitFor();
  await tell(0.2);
  await page.locator(".facts.large dd", { hasText: "1 / 4" }).waitFor();
});

test("workers say what they train", async () => {
  const own = await place.open();
  await place.visit(own, "/workers");
  await own.getByRole("link", { name: "gated/2" }).waitFor();
  assert.deepEqual(own.wrong, []);
  await own.close();
});

test("a master that is gone is told so", async () => {
  run.kill("SIGKILL");
  await run.ended;
  await page.getByText("The master is away").waitFor();
});

test("a server that is gone is told so, and the page comes back with it", async () => {
  assert.deepEqual(page.wrong, []);
  await place.stop(place.server);
  await page.getByRole("alert").getByText("Connection lost, trying again").waitFor();
  assert.ok(await page.locator(".trials tbody a").count() > 0, "what was known stays");
});

await runAll(async () => {
  await place.close();
});
