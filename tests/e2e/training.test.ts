// What a person sees of learning: corrections counted and put right, runs and their results, training begun and stopped.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { until, Workbench } from "./workbench";

const root = resolve(import.meta.dirname, "../..");
const run = `${resolve(process.env["WHENCE_E2E_RUN"] ?? join(root, ".venv/e2e/run"))}-training`;
const places = {
  tools: resolve(process.env["WHENCE_E2E_TOOLS"] ?? join(root, ".venv/e2e")),
  vsix: resolve(process.env["WHENCE_E2E_VSIX"] ?? join(root, "extension/dist/whence.vsix")),
  run,
  chromium: process.env["CHROMIUM"] ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim(),
};
const server = resolve(process.env["WHENCE_E2E_SERVER"] ?? join(root, ".venv/bin/whence"));
const repository = join(run, "whence");
const kept = join(repository, ".git", "whence");

let workbench: Workbench;
let view: Frame;

beforeAll(async () => {
  rmSync(run, { recursive: true, force: true });
  mkdirSync(run, { recursive: true });
  execFileSync("git", ["clone", "-q", root, repository]);
  write("feedback.jsonl", corrections().map((each) => JSON.stringify(each)).join("\n"));
  plantRun();
  workbench = await Workbench.open(places, repository, { "whence.server.path": server });
});

afterAll(() => workbench.close());

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.picture(`failed-${task.name.replace(/\W+/g, "-")}`);
});

const heading = () => view.locator("section h2").first();
const example = (question: string) => view.locator(".example").filter({ hasText: question });

test("the view tells what was collected", async () => {
  await workbench.status().waitFor();
  await workbench.command("Whence: Show Training");
  view = await workbench.panel(workbench.page, "#training");
  await until(async () => (await heading().innerText()) === "21 corrections collected, ready to train", "it is not told");
  await workbench.picture("1-training");
});

test("an example that contradicts another is flagged, put right, and deleted", async () => {
  await view.getByText("Show All 21").click();
  await example("Why is part 0 there?").first().scrollIntoViewIfNeeded();
  expect(await view.locator(".flag").allInnerTexts()).toEqual([expect.stringContaining("Contradicts another"), expect.stringContaining("Contradicts another")]);
  await example("Why is part 20 there?").locator("[aria-label='Change the answer']").click();
  await view.locator(".example textarea").fill("Because the tests need it.");
  await workbench.picture("2-example");
  await view.getByText("Keep", { exact: true }).click();
  await until(() => Promise.resolve(readFileSync(join(kept, "feedback.jsonl"), "utf8").includes("Because the tests need it.")), "it was not changed");
  await example("Why is part 0 there?").first().locator("[aria-label='Delete']").click();
  await workbench.page.locator(".monaco-dialog-box .monaco-button", { hasText: "Delete" }).click();
  await until(async () => (await heading().innerText()).startsWith("20 corrections"), "it was not deleted");
  await until(async () => (await view.locator(".flag").count()) === 0, "it still contradicts what is gone");
});

test("its evidence opens in the editor", async () => {
  await example("Why is part 20 there?").locator("[aria-label='Open its evidence']").click();
  await until(async () => (await workbench.cursor()).line === 3, "the cursor is not on the line");
  expect((await workbench.cursor()).file).toBe("Makefile");
});

test.each(["Default Light Modern", "Default High Contrast"])("a run shows what came of it, in %s", async (theme) => {
  workbench.set({ "workbench.colorTheme": theme });
  const row = view.locator("tbody button[aria-expanded]").first();
  await row.scrollIntoViewIfNeeded();
  if ((await row.getAttribute("aria-expanded")) === "false") await row.press("Enter");
  expect(await view.locator("tr.details").innerText()).toContain("accuracy\t75 %\t87 %\t+2.0 to +22.0");
  expect(await view.locator("tbody tr").first().innerText()).toContain("Accuracy 87 % (+12)");
  await workbench.page.waitForTimeout(2500);
  await workbench.picture(`3-${theme.toLowerCase().replaceAll(" ", "-")}`);
});

test("training begins and is stopped, or it says what has to be installed", async () => {
  await heading().scrollIntoViewIfNeeded();
  const missing = view.locator(".missing");
  if (await missing.count()) {
    expect(await missing.innerText()).toContain("Training needs ");
    return;
  }
  await view.getByText("Start Training").click();
  await view.locator(".progress .status", { hasText: "Preparing…" }).waitFor();
  await view.locator(".stages .running").waitFor().catch(() => undefined); // a small repository may be past it
  await workbench.picture("4-running");
  await view.getByText("Stop Training").click();
  await view.getByText("Start Training").waitFor();
});

/** Twenty questions, and a second answer to the first of them. */
function corrections(): object[] {
  const evidence = [{ id: 1, kind: "code", path: "Makefile", start_line: 3, end_line: 4, commit: null, thread: null, url: null, quote: "VENV   := .venv" }];
  const common = { at: "2026-01-01T00:00:00+00:00", verdict: "correction", answer: "By hand. [1]", evidence, model: { name: "extractive", version: null } };
  const given = Array.from({ length: 20 }, (_, place) => ({ ...common, id: `c${place}`, question: `Why is part ${place + 1} there?`, text: `Part ${place + 1} is there so that the others need not know how environments are made.` }));
  return [
    { ...common, id: "first", question: "Why is part 0 there?", text: "For the linter." },
    { ...common, id: "second", question: "Why is part 0 there?", text: "For the tests." },
    ...given.slice(1),
  ];
}

/** A run that has come to its end, as its folder tells. */
function plantRun(): void {
  const stages = [["1", "collect", "take files, commits and threads from the index"], ["3", "generate", "ask, answer, validate, split, and pass the data's gates"], ["4b", "train", "fine-tune"], ["5", "register", "export, describe and publish"]];
  const at = "training/runs/0123456789-abcdef01";
  for (const [stage, name] of stages) write(`${at}/${stage ?? ""}-${name ?? ""}/stage.json`, { summary: { records: 412, seconds: 31 } });
  write(`${at}/run.json`, { began: "2026-01-02T10:00:00+00:00", ended: "2026-01-02T10:14:00+00:00", state: "completed", reasons: [], stages: stages.map(([stage, name, title]) => ({ stage, name, title })) });
  write(`${at}/3-generate/dataset.json`, { version: "v", records: 412, quarantined: 17, splits: { train: 330, validation: 41, test: 41 } });
  write(`${at}/3-generate/gates.json`, [{ name: "minimum", state: "passed", value: 412, limit: 20, advice: "" }, { name: "imbalance", state: "warned", value: 6.1, limit: 5, advice: "collect more of the rarest" }]);
  write(`${at}/4d-evaluate/comparison.json`, { metrics: { accuracy: { before: 0.75, after: 0.87, low: 0.02, high: 0.22 }, token_f1: { before: 0.51, after: 0.6, low: -0.01, high: 0.19 } } });
  write(`${at}/5-register/registration.json`, { model: "whence-qa-lora@1.0", url: "file:///nowhere", bundle: "whence-qa-lora-v1.0.zip" });
}

function write(file: string, value: unknown): void {
  mkdirSync(dirname(join(kept, file)), { recursive: true });
  writeFileSync(join(kept, file), typeof value === "string" ? value : JSON.stringify(value));
}
