// What the editor itself takes for an extension that does nothing, measured as the journey measures ours: the floor.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createVSIX } from "@vscode/vsce";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cloned, ground, REST } from "./ground";
import { Workbench } from "./workbench";

const places = ground("floor");
const { run } = places;
const took: Record<string, number> = {};
let workbench: Workbench;

beforeAll(async () => {
  const vsix = join(run, "empty.vsix");
  await createVSIX({ cwd: resolve(import.meta.dirname, "empty"), packagePath: vsix, allowMissingRepository: true, skipLicense: true });
  workbench = await Workbench.open({ ...places, vsix }, cloned(join(run, "whence")), {}, { container: "Empty" });
});

afterAll(async () => {
  writeFileSync(join(run, "took.json"), JSON.stringify(took, null, 2));
  await workbench?.close();
});

test("an empty view is painted, while the editor starts and when it is at rest", async () => {
  took["panel painted while the editor starts"] = await workbench.painted("Empty", "text=Empty");
  const page = await workbench.secondWindow();
  await page.waitForTimeout(REST);
  took["panel painted"] = await workbench.painted("Empty", "text=Empty", page);
});

test("an empty extension is activated", async () => {
  took["activation"] = await workbench.activation(/empty/i);
  expect(took["activation"]).toBeGreaterThanOrEqual(0);
});
