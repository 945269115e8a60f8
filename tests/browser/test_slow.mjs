#!/usr/bin/env node
// A network that lets a reader be faster than the answers, or loses one: nothing untrue is shown meanwhile, nothing that
// can be clicked goes wrong, and what was lost is asked for again.
import { coloursOf, Place } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const place = new Place();

// Holds every answer back until next() lets the oldest one go, or all() everything that is and will be held.
async function hold(page) {
  const held = [];
  let open = false, arrived = () => {};
  await page.route("**/api/**", (route) => {
    if (open) return route.continue();
    held.push(route);
    arrived();
  });
  return {
    async next() {
      while (!held.length) await new Promise((more) => (arrived = more));
      await held.shift().continue();
    },
    async all() {
      open = true;
      while (held.length) await held.shift().continue();
    },
  };
}

test("a finished search", async () => {
  place.hone("run", "examples/walls.json", "--workers", "2", "-q");
  await place.dash();
});

test("before the answer nobody is told that there is no worker", async () => {
  const page = await place.open();
  const answers = await hold(page);
  await place.visit(page, "/workers");
  await answers.next(); // what version it is
  await page.getByRole("heading", { name: "Workers" }).waitFor();
  assert.equal(await page.locator("#main[aria-busy=true]").count(), 1);
  assert.equal(await page.locator(".card:visible").count(), 0);
  await answers.all();
  await page.getByLabel("and those that left").check();
  await page.locator("tr.gone").first().waitFor();
  await page.locator("#main:not([aria-busy])").waitFor();
  assert.deepEqual(page.wrong, []);
  await page.close();
});

test("whatever can be clicked between two answers", async () => {
  const page = await place.open();
  const answers = await hold(page);
  await place.visit(page, "/study/walls");
  let clicks = 0;
  for (let answered = 0; answered < 6; answered++) { // version; study, studies, trials, walls; then charts ask for theirs
    await answers.next();
    clicks += await page.evaluate(() => {
      const able = [...document.querySelectorAll("main button, main input[type=checkbox]")].filter((node) => node.checkVisibility());
      for (const node of able) node.click();
      return able.length;
    });
  }
  assert.ok(clicks > 0);
  await answers.all();
  for (const [name, count] of Object.entries(await coloursOf(page))) assert.ok(count >= 8, `${name} has ${count} colours`);
  assert.deepEqual(page.wrong.filter((line) => !line.includes("lipboard")), []); // whether a headless page may copy is not the matter
  await page.close();
});

test("an answer that is lost is asked for again", async () => {
  const page = await place.open();
  let lost = 0;
  await page.route("**/api/study?**", (route) => (lost++ ? route.continue() : route.abort()));
  await place.visit(page, "/study/walls/trial/3");
  await page.getByRole("heading", { name: "trial 3" }).waitFor();
  assert.ok(lost >= 2);
  await page.locator("#notice").waitFor({ state: "hidden" });
  await page.close();
});

await runAll(() => place.close());
