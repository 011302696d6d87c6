// What a person does on the first day, in the real editor, with the real server, on a clone of this repository.
// Each picture is kept; those of the README are among them.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { cloned, ground, REST, server } from "./ground";
import { until, Workbench } from "./workbench";

const places = ground("journey");
const { run } = places;
const repository = join(run, "whence");
const feedback = join(repository, ".git", "whence", "feedback.jsonl");

/** Bars are of a quiet machine, and took.json has what was measured; WHENCE_E2E_SLOW=1 holds the run to them. */
const SLOW = Number(process.env["WHENCE_E2E_SLOW"] ?? 10);

let workbench: Workbench;
let panel: Frame;
const took: Record<string, number> = {};

beforeAll(async () => {
  cloned(repository);
  workbench = await Workbench.open(places, repository, { "whence.server.path": server });
});

afterAll(async () => {
  writeFileSync(join(run, "took.json"), JSON.stringify(took, null, 2));
  await workbench?.close();
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.picture(`failed-${task.name.replace(/\W+/g, "-")}`);
});

const last = () => panel.locator(".turn").last();
const answered = () => panel.locator(".turn:last-child:is(.done, .abstained):not([aria-busy='true'])").waitFor();

/** Ask, and see how long it takes until there is something to read: for the first question, and the shortest of all. */
async function ask(question: string): Promise<void> {
  const before = await panel.locator(".turn").count();
  await panel.locator("#form textarea").fill(question);
  const asked = Date.now();
  await panel.locator("#form textarea").press("Enter");
  const text = panel.locator(".turn").nth(before).locator(".answer > :not(.looking)").first();
  void text.waitFor().then(
    () => {
      const ms = Date.now() - asked;
      took["first text of the first question"] ??= ms;
      took["first text"] = Math.min(ms, took["first text"] ?? ms);
    },
    () => undefined, // it was stopped
  );
  await panel.locator(".turn").nth(before).waitFor();
}

test("the panel opens at once", async () => {
  await workbench.status().waitFor(); // the editor has begun
  took["panel painted while the editor starts"] = await workbench.painted("Whence", ".welcome");
  panel = await workbench.panel();
  await workbench.picture("1-panel");
});

test("the first index shows its progress", async () => {
  await until(async () => /Whence \d+%/.test(await workbench.status().innerText()), "no progress in the status bar");
  await workbench.picture("2-indexing");
  await until(async () => (await workbench.status().innerText()).trim() === "Whence", "the index was not finished");
});

test("an answer streams in, and its citation opens the lines", async () => {
  await ask("How are chunks spread over files in the ranking?");
  await answered();
  await workbench.picture("3-answer");
  const chip = last().locator(".chip:has(.codicon-file-code)").first();
  await chip.hover();
  await panel.locator(".preview").waitFor();
  await workbench.picture("4-preview");
  const [, name, line] = /([^/ ]+):(\d+)/.exec((await chip.getAttribute("aria-label")) ?? "") ?? [];
  await chip.click();
  await until(async () => (await workbench.cursor()).line === Number(line), `the cursor is not on line ${line}`);
  expect((await workbench.cursor()).file).toBe(name);
  await workbench.sideBar(430);
  await last().locator(".question").scrollIntoViewIfNeeded();
  await workbench.picture("5-lines");
});

test("a follow-up goes on from there", async () => {
  await ask("Why is that so?");
  await answered();
  expect(await panel.locator(".turn").count()).toBe(2);
});

test("what is being written is still there after a look elsewhere", async () => {
  await panel.locator("#form textarea").fill("And why is");
  await last().locator("[aria-label='Not helpful']").click();
  await last().locator("form.correction textarea").fill("For speed.");
  await workbench.command("View: Show Explorer");
  await workbench.page.locator(".explorer-folders-view").waitFor();
  await workbench.page.locator(".activitybar [aria-label='Whence']").first().click();
  panel = await workbench.panel();
  await panel.locator(".turn").last().waitFor();
  expect(await panel.locator("#form textarea").inputValue()).toBe("And why is");
  expect(await last().locator("form.correction textarea").inputValue()).toBe("For speed.");
});

test("what the repository does not answer looks different", async () => {
  await ask("How do I bake sourdough bread?");
  await panel.locator(".turn.abstained").waitFor();
  await workbench.picture("6-abstained");
});

test("a hover tells what a symbol is and what changed it", async () => {
  await workbench.file("server/whence_server/feedback.py", 50);
  const word = workbench.page.locator(".view-line span", { hasText: /^give$/ }).first();
  await until(async () => {
    await workbench.page.mouse.move(0, 0);
    await word.hover();
    return workbench.page.locator(".monaco-hover:visible", { hasText: "Last changed" }).first().waitFor({ timeout: 4000 }).then(() => true, () => false);
  }, "no hover");
  await workbench.picture("7-hover");
  await workbench.page.keyboard.press("Escape");
});

test("the code action Why names the commit, and its citation opens the diff", async () => {
  await workbench.file("server/whence_server/feedback.py", 50);
  await workbench.command("Quick Fix...");
  const before = await panel.locator(".turn").count();
  await workbench.page.locator(".action-widget .monaco-list-row", { hasText: "Why was this changed?" }).click();
  await panel.locator(".turn").nth(before).waitFor();
  await answered();
  await workbench.picture("8-why");
  await last().locator(".chip:has(.codicon-git-commit)").first().click();
  await workbench.page.locator(".multiDiffEntry, .multi-diff-editor, .monaco-diff-editor").first().waitFor();
  await workbench.page.waitForTimeout(1500);
  await workbench.picture("9-diff");
});

test("thumbs down with a correction is kept beside the index", async () => {
  await last().locator("[aria-label='Not helpful']").click();
  await last().locator("form.correction textarea").fill("Because corrections are worth more than thumbs.");
  await workbench.picture("10-correction");
  await last().getByText("Keep Correction").click();
  await last().locator(".kept").waitFor();
  const kept = readFileSync(feedback, "utf8").trim().split("\n").map((line) => JSON.parse(line) as { verdict: string; text: string | null });
  expect(kept.map((each) => each.verdict)).toEqual(["down", "correction"]); // the first is of another answer
  expect(kept[1]?.text).toBe("Because corrections are worth more than thumbs.");
});

test("a running answer can be stopped, and the next one comes", async () => {
  pause(true);
  await ask("Which modules know LanceDB?");
  await panel.locator("[aria-label='Stop (Escape)']").click();
  await panel.locator(".turn:last-child.stopped").waitFor();
  pause(false);
  await workbench.picture("11-stopped");
  await last().getByText("Ask Again").click();
  await answered();
});

test("a server that hangs leaves no question open when it is restarted", async () => {
  pause(true);
  await ask("Which modules know LanceDB?");
  await panel.locator("#form textarea").fill("And which know git?");
  await panel.locator("#form textarea").press("Enter");
  await panel.locator("#said.toast", { hasText: "Escape stops it" }).waitFor();
  await workbench.command("Whence: Restart Server");
  await panel.locator(".turn:last-child.failed", { hasText: "The server was restarted" }).waitFor();
  await workbench.picture("11-restarted");
  await last().getByText("Ask Again").click();
  await answered();
  await panel.locator("#form textarea").fill("");
});

test("a server that is killed comes back", async () => {
  for (const pid of servers()) process.kill(pid, "SIGKILL");
  await until(() => Promise.resolve(servers().length > 0), "it did not come back");
  await ask("Where is the status of the index told?");
  await answered();
});

test("a change of the settings is heeded at once", async () => {
  await workbench.file("server/whence_server/feedback.py", 50);
  expect(await workbench.page.locator(".codelens-decoration a").count()).toBe(0);
  workbench.set({ "whence.codeLens": true });
  await workbench.page.locator(".codelens-decoration a", { hasText: "commit" }).first().waitFor();
  await workbench.picture("12-lenses");
});

test.each(["Default Dark Modern", "Default High Contrast"])("it is readable in %s", async (theme) => {
  workbench.set({ "workbench.colorTheme": theme });
  await workbench.page.waitForTimeout(2500);
  await workbench.picture(`13-${theme.toLowerCase().replaceAll(" ", "-")}`);
});

test("a second window on the same repository answers too", async () => {
  const page = await workbench.secondWindow();
  await workbench.status(page).waitFor();
  await page.waitForTimeout(REST);
  took["panel painted"] = await workbench.painted("Whence", ".welcome", page);
  const other = await workbench.panel(page);
  await other.locator("#form textarea").fill("What is a hunk?");
  await other.locator("#form textarea").press("Enter");
  await other.locator(".turn:is(.done, .abstained)").waitFor();
  await page.context().close();
});

test("it is activated, and answers, in its time", async () => {
  took["activation"] = await workbench.activation();
  for (const [what, bar] of Object.entries({ activation: 50, "panel painted": 1000, "first text": 1000 })) expect(took[what], what).toBeLessThanOrEqual(SLOW * bar);
});

test("nothing was asked of another host, and nothing written into the work tree", () => {
  const hosts = new Set(workbench.requested.filter((url) => /^(https?|wss?):/.test(url)).map((url) => new URL(url).hostname));
  // The page serves its own resources by this name, through a worker of its own; it never leaves the browser.
  const others = [...hosts].filter((host) => host !== "127.0.0.1" && !host.endsWith(".vscode-resource.vscode-cdn.net"));
  took["requests to other hosts"] = others.length;
  expect(others).toEqual([]);
  const changed = execFileSync("git", ["status", "--porcelain"], { cwd: repository, encoding: "utf8" });
  expect(changed.trim()).toBe("?? .vscode/"); // what this test set
});

/** The language servers that this run started. */
const servers = () => workbench.programs(/python.*whence.* lsp$/);

/** Hold the servers still, so that there is an answer to be stopped. */
function pause(still: boolean): void {
  for (const pid of servers()) process.kill(pid, still ? "SIGSTOP" : "SIGCONT");
}

