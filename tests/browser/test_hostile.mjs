#!/usr/bin/env node
// Names that want to be markup, wherever somebody else chooses a text: a study, a worker, a choice, a log, a sentence.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { coloursOf, Place } from "./place.mjs";
import { assert, runAll, test } from "./tap.mjs";

const BAD = "<img src=x onerror=document.title='taken'>";
const place = new Place();
let page;

test("a study whose every text is hostile", async () => {
  const trainer = `echo "${BAD}"; printf '{"epoch":1,"height":%s}\\n' "$HONE_TRIAL" >/dev/fd/$HONE_OUT_FD`;
  writeFileSync(join(place.folder, "bad.json"), JSON.stringify({
    study: "bad", metric: { name: "height", goal: "minimize" }, trainer: { command: ["sh", "-c", trainer] },
    space: { x: { uniform: [-2, 2] }, c: { choice: [BAD, "b"] } }, search: { method: "random", trials: 12, epochs: 1, seed: 1 },
  }));
  place.hone("run", join(place.folder, "bad.json"), "--workers", "1", "--no-check", "-q");
  const quoted = BAD.replaceAll("'", "''"); // hone refuses such a name; a file from elsewhere may hold it
  place.sql(`UPDATE study SET name = '${quoted}'; UPDATE worker SET name = '${quoted}', host = '${quoted}'; UPDATE trial SET why = '${quoted}', cause = '${quoted}' WHERE number < 6`);
  await place.dash();
  page = await place.open();
  page.on("dialog", () => page.wrong.push("a dialog"));
});

for (const path of ["/", `/study/${encodeURIComponent(BAD)}`, `/study/${encodeURIComponent(BAD)}/trial/1`, "/workers"])
  test(`${path.slice(0, 8)}… shows them as text`, async () => {
    await place.visit(page, path);
    if (path === "/workers") await page.getByLabel("and those that left").check();
    await page.getByText(BAD).first().waitFor();
    if (path.startsWith("/study")) await coloursOf(page);
    assert.equal(await page.locator("main img, main b, main u").count(), 0);
    assert.notEqual(await page.title(), "taken");
  });

test("also in what is shown over a point", async () => {
  await place.visit(page, `/study/${encodeURIComponent(BAD)}`);
  await coloursOf(page);
  const plot = page.locator(".plot").first();
  await plot.scrollIntoViewIfNeeded();
  const [x, y] = await plot.evaluate((node) => {
    const chart = window.echarts.getInstanceByDom(node);
    return chart.convertToPixel({ seriesId: "trials" }, chart.getOption().series.find((s) => s.id === "trials").data[0].value);
  });
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + x, box.y + y);
  await page.locator(".tip", { hasText: BAD }).waitFor();
  assert.equal(await page.locator(".tip img").count(), 0);
  assert.deepEqual(page.wrong, []);
});

await runAll(() => place.close());
