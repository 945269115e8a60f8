#!/usr/bin/env node
// A study that the master has set aside beside two that are fine: its page says why, and nothing else is in its way.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Place } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const place = new Place();
let page;

function search(name) {
  const file = join(place.folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({
    study: name, metric: { name: "val_acc", goal: "maximize" }, trainer: { builtin: "mlp", data: "spiral", seed: 1 },
    space: { lr: { log: [1e-3, 1] } }, search: { method: "random", trials: 2, epochs: 1, seed: 1 },
  }));
  place.hone("run", file, "--workers", "1", "-q", "--no-check");
}

async function expectNotice(text) {
  await place.visit(page);
  await page.locator(".study", { hasText: "unreadable" }).waitFor();
  assert.deepEqual((await page.locator(".study h2").allTextContents()).sort(), ["bad", "good", "third"]);
  await page.getByRole("link", { name: "bad", exact: true }).click();
  await page.locator(".notice", { hasText: text }).waitFor();
  await page.waitForSelector(".trials tbody a");
  assert.deepEqual(page.wrong, []);
}

test("a method that this hone does not know", async () => {
  search("good");
  search("bad");
  place.sql("UPDATE study SET definition = json_set(definition, '$.search.method', 'gp9') WHERE name = 'bad'");
  search("third");
  await place.dash();
  page = await place.open();
  await expectNotice("study.definition: search.method");
});

test("a definition that is no JSON", async () => {
  place.sql("PRAGMA ignore_check_constraints = ON; UPDATE study SET definition = '{' WHERE name = 'bad'");
  place.hone("run", join(place.folder, "third.json"), "--workers", "1", "-q");
  await expectNotice("study.definition:1");
});

await runAll(() => place.close());
