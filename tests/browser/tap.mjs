// Tests in the order they are written, in TAP for tests/run. A test that fails says why and the next one goes on.
import assert from "node:assert/strict";

const tests = [];

export function test(name, body) {
  tests.push({ name, body });
}

export async function runAll(cleanUp) {
  console.log(`1..${tests.length}`);
  let failed = 0;
  for (const [i, { name, body }] of tests.entries()) {
    try {
      await body();
      console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${i + 1} - ${name}`);
      console.log(String(error.stack ?? error).replace(/^/gm, "# "));
    }
  }
  await cleanUp();
  process.exitCode = failed ? 1 : 0;
}

export { assert };
