import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PATIENCE, Workbench } from "./workbench";

const root = resolve(import.meta.dirname, "../..");
const run = resolve(process.env["WHENCE_E2E_RUN"] ?? join(root, ".venv/e2e/run"));
const places = {
  tools: resolve(process.env["WHENCE_E2E_TOOLS"] ?? join(root, ".venv/e2e")),
  vsix: resolve(process.env["WHENCE_E2E_VSIX"] ?? join(root, "extension/dist/whence.vsix")),
  run,
  chromium: process.env["WHENCE_E2E_CHROMIUM"] ?? "/usr/bin/chromium",
};
const server = resolve(process.env["WHENCE_E2E_SERVER"] ?? join(root, ".venv/bin/whence"));
const repository = join(run, "whence");

let workbench: Workbench;
let panel: Frame;

beforeAll(async () => {
  rmSync(run, { recursive: true, force: true });
  execFileSync("git", ["clone", "-q", root, repository]);
  workbench = await Workbench.open(places, repository, { "whence.server.path": server });
}, 3 * PATIENCE);

afterAll(async () => {
  await workbench.close();
});

test("start", async () => {
  await workbench.page.waitForTimeout(1000);
  await workbench.picture("00-start");
  await workbench.command("Whence: Ask");
  panel = await workbench.panel();
  await workbench.picture("01-panel");
  await panel.locator("textarea").first().fill("How are chunks spread over files in the ranking?");
  await workbench.page.keyboard.press("Enter");
  await workbench.page.waitForTimeout(10000);
  await workbench.picture("02-answer");
  expect(await panel.locator(".turn").count()).toBe(1);
}, 3 * PATIENCE);
