#!/usr/bin/env node
// The dashboard of three finished searches: everything is drawn, says what the database says, and can be reached.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chartOption, coloursOf, Place, root, spotOf } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const place = new Place();
const trials = (study) => JSON.parse(place.hone("trials", `${study}/all`, "--json"));
let page;

test("searches to look at", async () => {
  place.hone("run", "examples/walls.json", "--workers", "2", "-q");
  place.hone("run", "examples/size.json", "--workers", "2", "-q");
  const spiral = readFileSync(join(root, "examples/spiral.json"), "utf8");
  const rungs = spiral.replace('"study": "spiral"', '"study": "rungs"').replace('"search":', '"prune": { "method": "asha" },\n  "search":');
  writeFileSync(join(place.folder, "rungs.json"), rungs);
  place.hone("run", join(place.folder, "rungs.json"), "--workers", "2", "-q");
  await place.dash();
  page = await place.open();
});

test("all studies, and from there to one of them", async () => {
  await place.visit(page);
  await page.waitForSelector(".study");
  assert.deepEqual(await page.locator(".study h2").allTextContents(), ["rungs", "size", "walls"]);
  await page.getByRole("link", { name: "walls" }).click();
  await page.waitForSelector(".trials tbody a");
  assert.equal(await page.locator("h1").textContent(), "walls");
});

const charts = {
  walls: ["Best so far", "lr", "hidden", "Learning curves", "Importance", "Parallel coordinates", "Timeline"],
  size: ["Best so far", "lr", "hidden", "optimizer", "Learning curves", "Pareto front", "Importance", "Parallel coordinates", "Timeline"],
  rungs: ["Best so far", "lr", "l2", "hidden", "optimizer", "momentum", "Learning curves", "Importance", "Rungs", "Parallel coordinates", "Timeline"],
};

for (const [study, names] of Object.entries(charts))
  test(`every chart of ${study} is painted`, async () => {
    const own = await place.open();
    await place.visit(own, `/study/${study}`);
    await own.waitForSelector(".trials tbody a");
    const colours = await coloursOf(own);
    assert.deepEqual(Object.keys(colours).sort(), [...names].sort());
    for (const [name, count] of Object.entries(colours)) assert.ok(count >= 8, `${name} has ${count} colours`);
    assert.deepEqual(own.wrong, []);
    await own.close();
  });

test("the wall of lr is drawn where it moved", async () => {
  const [param] = JSON.parse(place.sql("SELECT json_array(json_object('high', after_high, 'before', before_high, 'text', text)) FROM box_event WHERE param = 'lr' AND verdict = 'grow' ORDER BY seq"));
  const option = await chartOption(page, "lr");
  const wall = option.series.find((s) => s.id === "wall-high").data;
  assert.ok(Math.abs(wall[0][1] - Math.log10(1e-4)) < 1e-9, "it begins where the study file says");
  assert.ok(wall.some(([, at]) => Math.abs(at - Math.log10(param.high)) < 1e-9), `and reaches ${param.high}`);
  const marks = option.series.find((s) => s.id === "decisions").data;
  const [x, y] = await spotOf(page, "lr", { xAxisIndex: 0, yAxisIndex: 0 }, marks[0].value);
  await page.mouse.move(x, y);
  await page.locator(".tip", { hasText: param.text }).waitFor();
  assert.match(await page.locator(".tip", { hasText: param.text }).textContent(), /slope t.*behind it: trials \d+/);
  await page.mouse.click(x, y);
  await page.getByRole("button", { name: "clear the picked" }).waitFor();
});

test("a brush on an axis filters the table", async () => {
  const [x, top] = await axisSpot("lr", Math.log10(0.1));
  const [, bottom] = await axisSpot("lr", Math.log10(1e-3));
  await page.mouse.move(x, top);
  await page.mouse.down();
  await page.mouse.move(x, (top + bottom) / 2, { steps: 4 });
  await page.mouse.move(x, bottom, { steps: 4 });
  await page.mouse.up();
  await page.getByText("brushed above").waitFor();
  const kept = Number(/^\d+/.exec(await page.locator(".card:has(.trials) .note").textContent())[0]);
  const within = trials("walls").filter((t) => t.lr >= 1.05e-3 && t.lr <= 0.095).length;
  assert.ok(kept >= within && kept < 60, `${kept} kept, ${within} lie well inside`);
  await page.getByRole("button", { name: "clear the brush" }).click();
  await page.getByText("60 trials", { exact: true }).waitFor();
});

async function axisSpot(name, at) {
  const plot = page.locator(".card", { has: page.getByRole("heading", { name: "Parallel coordinates" }) }).locator(".plot");
  await plot.scrollIntoViewIfNeeded();
  await plot.locator("canvas").first().waitFor(); // it is drawn once it is in sight
  const [x, y] = await plot.evaluate((node, [wanted, value]) => {
    const option = window.echarts.getInstanceByDom(node).getOption();
    const axes = option.parallelAxis, i = axes.findIndex((a) => a.name === wanted);
    const { left, right, top, bottom } = option.parallel[0];
    const share = (value - axes[i].min) / (axes[i].max - axes[i].min);
    const height = node.clientHeight - top - bottom;
    return [left + ((node.clientWidth - left - right) * i) / (axes.length - 1), top + height * (1 - share)];
  }, [name, at]);
  const box = await plot.boundingBox();
  return [box.x + x, box.y + y];
}

test("the table sorts and filters", async () => {
  await page.getByRole("button", { name: "val_acc", exact: true }).click();
  const best = JSON.parse(place.hone("best", "walls", "-n", "1", "--json"))[0];
  assert.equal(await page.locator(".trials tbody a").first().textContent(), String(best.trial));
  await page.getByLabel("Filter the trials").fill("lr<1e-4 hidden>=20");
  const wanted = trials("walls").filter((t) => t.lr < 1e-4 && t.hidden >= 20).length;
  assert.ok(wanted > 0 && wanted < 60);
  await page.getByText(`${wanted} of 60 trials`).waitFor();
  await page.getByLabel("Filter the trials").fill("");
});

test("a deep link opens a trial, and the key leaves the address", async () => {
  const own = await place.open();
  await place.visit(own, "/study/walls/trial/17");
  await own.getByRole("heading", { name: "trial 17" }).waitFor();
  assert.equal(own.url(), `${place.origin}/#/study/walls/trial/17`);
  const colours = await coloursOf(own);
  assert.ok(colours.acc >= 8 && colours.loss >= 8, JSON.stringify(colours));
  const said = JSON.parse(place.hone("show", "walls/17", "--json"));
  assert.match(await own.locator(".why").textContent(), new RegExp(`^${said.trial.sampler}: `));
  assert.ok((await own.locator(".command code").allTextContents()).includes(`hone enqueue walls lr=${said.params.lr} hidden=${said.params.hidden} --db ${place.db}`));
  await own.reload();
  await own.getByRole("heading", { name: "trial 17" }).waitFor();
  assert.deepEqual(own.wrong, []);
  await own.close();
});

test("a key that does not fit, and none, are told so", async () => {
  for (const hash of ["#token=AAAA", ""]) {
    const own = await place.open();
    await own.goto(`${place.origin}/${hash}`);
    await own.getByText("This address has no valid key").waitFor();
    assert.equal(await own.locator(".study").count(), 0);
    await own.close();
  }
});

test("a study that is not there is told so", async () => {
  const own = await place.open();
  await place.visit(own, "/study/nobody");
  await own.getByText("There is no such thing here").waitFor();
  await own.close();
});

test("a study without a trial says what it waits for, and draws nothing", async () => {
  place.hone("submit", "examples/glyphs.json");
  const own = await place.open();
  await place.visit(own, "/study/glyphs");
  await own.getByRole("heading", { name: "No trial yet" }).waitFor();
  assert.equal(await own.locator(".plot:visible, .trials:visible").count(), 0);
  assert.equal(await own.locator(".point > div").first().textContent(), "lr1e-4 … 1, log");
  assert.equal(await own.locator(".head .command").count(), 0); // of the best one, of the trials
  assert.deepEqual(own.wrong, []);
  await own.close();
});

test("a trial that failed has no rank", async () => {
  writeFileSync(join(place.folder, "bad.json"), JSON.stringify({
    study: "bad", metric: { name: "loss", goal: "minimize" }, trainer: { command: ["false"] }, max_attempts: 1,
    space: { x: { uniform: [0, 1] } }, search: { trials: 1, epochs: 1 },
  }));
  assert.throws(() => place.hone("run", join(place.folder, "bad.json"), "--workers", "1", "--no-check", "-q"), /no trial is complete/);
  const own = await place.open();
  await place.visit(own, "/study/bad/trial/1");
  await own.getByText("failed (exit)").waitFor();
  assert.match(await own.locator(".facts").textContent(), /rank–/);
  await own.close();
});

test("ticks of an axis are told apart, and say their unit", async () => {
  const said = await page.evaluate(async () => {
    const { MetricScale } = await import("/scale.js");
    return [["samples_per_s", 9.1e6, 1.12e7], ["seconds", 1.21e-3, 1.5e-3], ["loss", 0.99951, 0.99999], ["acc", 0.2, 0.9]].map(([name, low, high]) => {
      const scale = new MetricScale({ name, goal: "maximize" }, [low, high], false);
      return scale.ticks([low, high]).map((at) => scale.label(at)).join(" ");
    });
  });
  assert.deepEqual(said, ["9.5e6 1e7 1.05e7 1.1e7", "1.3 ms 1.4 ms 1.5 ms", "0.9996 0.9997 0.9998 0.9999", "0.2 0.4 0.6 0.8"]);
});

test("a phone: nothing is wider than it, everything is painted", async () => {
  const own = await place.open({ viewport: { width: 360, height: 760 }, hasTouch: true, isMobile: true });
  for (const path of ["/", "/study/walls", "/study/walls/trial/17", "/workers"]) {
    await place.visit(own, path);
    await own.waitForSelector("main h1");
    if (path !== "/" && path !== "/workers") for (const [name, count] of Object.entries(await coloursOf(own))) assert.ok(count >= 8, `${name} has ${count} colours`);
    const [wide, window] = await own.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wide <= window, `${path}: ${wide} > ${window}`);
  }
  assert.deepEqual(own.wrong, []);
  await own.close();
});

test("dark where the system is", async () => {
  const own = await place.open({ colorScheme: "dark" });
  await place.visit(own, "/study/walls");
  await own.waitForSelector(".trials tbody a");
  const paper = await own.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
  assert.ok(Math.max(...paper) < 60, String(paper));
  await own.close();
});

// WCAG 2.2, 1.4.3 (AA): text against what lies behind it, 4.5 to 1, large text 3 to 1.
function faintTexts() {
  const parts = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility() && [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()));
  const found = texts.map((node) => {
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const [low, high] = [light(parts(style.color)), light(behind(node))].sort((a, b) => a - b);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    return { ratio: (high + 0.05) / (low + 0.05), least: large ? 3 : 4.5, text: node.textContent.slice(0, 40) };
  });
  return { looked: found.length, faint: found.filter((f) => f.ratio < f.least) };
}

for (const colorScheme of ["light", "dark"])
  test(`every text can be read, ${colorScheme}`, async () => {
    const own = await place.open({ colorScheme });
    for (const path of ["/", "/study/walls", "/study/walls/trial/17", "/workers"]) {
      await place.visit(own, path);
      await own.waitForSelector("main h1");
      if (path === "/workers") await own.getByLabel("and those that left").check();
      if (path === "/study/walls") await own.locator(".trials tbody a").nth(4).hover();
      const { looked, faint } = await own.evaluate(faintTexts);
      assert.ok(looked > 10, `${path}: ${looked} texts`);
      assert.deepEqual(faint, [], path);
    }
    await own.close();
  });

test("the keyboard reaches the content, the sorting and a trial", async () => {
  const own = await place.open();
  await place.visit(own, "/study/walls");
  await own.waitForSelector(".trials tbody a");
  await own.keyboard.press("Tab");
  assert.equal(await own.evaluate(() => document.activeElement.className), "skip");
  await own.getByLabel("Filter the trials").focus();
  const reached = new Set();
  for (let i = 0; i < 40 && !reached.has("A"); i++) {
    await own.keyboard.press("Tab");
    reached.add(await own.evaluate(() => document.activeElement.tagName + (document.activeElement.closest("th") ? " th" : "")));
  }
  assert.ok(reached.has("BUTTON th") && reached.has("A"), [...reached].join());
  await own.keyboard.press("Enter");
  await own.getByRole("heading", { name: /^trial \d+$/ }).waitFor();
  await own.close();
});

test("nothing was wrong in all that", () => assert.deepEqual(page.wrong, []));

await runAll(() => place.close());
