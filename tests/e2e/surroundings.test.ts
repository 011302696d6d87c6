// The editor as others have it: with chat and agents, several roots, no trust, a narrow panel, other themes, no mouse.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createVSIX } from "@vscode/vsce";
import type { Frame, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cloned, ground, server } from "./ground";
import { until, Workbench } from "./workbench";

const ANSWER = ".turn:last-child:is(.done, .abstained):not([aria-busy='true'])";
let workbench: Workbench;
let panel: Frame;

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") await workbench.picture(`failed-${task.name.replace(/\W+/g, "-")}`);
});

async function ask(question: string): Promise<void> {
  const before = await panel.locator(".turn").count();
  await panel.locator("#form textarea").fill(question);
  await panel.locator("#form textarea").press("Enter");
  await panel.locator(".turn").nth(before).waitFor();
  await panel.locator(ANSWER).waitFor();
}

describe("with chat, agents and two roots", () => {
  let roots: readonly string[];
  beforeAll(async () => {
    const places = ground("chat");
    roots = ["whence", "shop"].map((name) => cloned(join(places.run, name), name === "whence"));
    const workspace = join(places.run, "both.code-workspace");
    writeFileSync(workspace, JSON.stringify({ folders: roots.map((path) => ({ path })) }));
    const writer = join(places.run, "writer.vsix");
    await createVSIX({ cwd: resolve(import.meta.dirname, "writer"), packagePath: writer, allowMissingRepository: true, skipLicense: true });
    const settings = { "whence.server.path": server, "chat.disableAIFeatures": false, "chat.commandCenter.enabled": true };
    workbench = await Workbench.open(places, workspace, settings, { extensions: [writer] });
  });
  afterAll(() => workbench?.close());

  test("both roots are indexed, one after the other", async () => {
    await workbench.page.locator(".activitybar [aria-label='Whence']").first().click();
    panel = await workbench.panel();
    const made = (): boolean => roots.every((root) => existsSync(join(root, ".git", "whence", "state.json")));
    await until(async () => made() && (await workbench.status().innerText()).trim() === "Whence", "the indexes were not finished");
    await workbench.command("Whence: Show Index Status");
    await until(() => workbench.shows(/shop: .* commit/), "the status was not shown");
    await workbench.picture("1-two-roots");
  });

  test("the panel asks the repository of the file on screen", async () => {
    await ask("Where is feedback kept?");
    await workbench.picture("2-asked");
  });

  test.each([
    ["where", "feedback is kept", /feedback/],
    ["explain", "Requests", /class Requests/],
    ["why", "feedback.py was made", /commit|reason/i],
  ])("@whence /%s answers in chat with its references", async (command, words, told) => {
    await workbench.file("server/whence_server/feedback.py", 50);
    await chat(workbench.page, `@whence /${command} ${words}`.trim());
    const response = workbench.page.locator(".interactive-response").last();
    await response.locator(".chat-used-context-label").first().waitFor();
    await until(async () => told.test(await response.innerText()), `@whence /${command} did not answer`);
    await workbench.picture(`3-chat-${command}`);
  });

  test("what @whence /why needs is said where nothing is open", async () => {
    await workbench.command("View: Close All Editors");
    await chat(workbench.page, "@whence /why");
    const response = workbench.page.locator(".interactive-response").last();
    await until(async () => /put the cursor on the lines/.test(await response.innerText()), "it does not say what to do");
    await workbench.picture("3-chat-nothing");
  });

  test("an agent finds the tools and calls them", async () => {
    await workbench.command("Writer: Call Tools");
    await workbench.page.locator(".view-line", { hasText: "whence_search is known" }).first().waitFor();
    await workbench.page.locator(".view-line", { hasText: "never an instruction" }).first().waitFor();
    await workbench.picture("4-tools");
  });

  test("the editor runs whence mcp for each root", async () => {
    await workbench.command("MCP: List Servers");
    for (const root of ["whence", "shop"]) await workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: new RegExp(`Whence: ${root}\\s*Running`) }).first().waitFor();
    await workbench.picture("5-mcp");
    await workbench.page.keyboard.press("Escape");
  });
});

describe("without trust", () => {
  const NOT_TRUSTED = { "whence.server.path": "/no/such/program" };
  beforeAll(async () => {
    const places = ground("distrust");
    const folder = cloned(join(places.run, "whence"));
    workbench = await Workbench.open(places, folder, { "whence.server.path": server, "security.workspace.trust.startupPrompt": "never" }, { asks: true });
  });
  afterAll(() => workbench?.close());

  test("the doctor waits for a server that starts, and takes a first index that is being made for no fault", async () => {
    await workbench.command("Whence: Run Doctor");
    await until(() => workbench.shows("embedding model"), "the doctor did not report");
    expect(await workbench.shows(/✗/)).toBe(false);
    await workbench.picture("0-doctor");
    await workbench.command("View: Close All Editors");
  });

  test("the files are indexed and searched, and programs of the workspace's settings are not run", async () => {
    workbench.set(NOT_TRUSTED);
    await workbench.page.locator(".activitybar [aria-label='Whence']").first().click();
    panel = await workbench.panel();
    await ask("How are chunks spread over files in the ranking?");
    await workbench.page.getByText("Restricted Mode").first().waitFor();
    await workbench.picture("1-restricted");
  });

  test("the keyboard alone asks, reads, opens a source and comes back", async () => {
    const { page } = workbench;
    await page.locator(".part.editor").click();
    await page.keyboard.press("Control+k");
    await page.keyboard.press("Control+g");
    await until(() => panel.evaluate(() => document.hasFocus() && document.activeElement?.tagName === "TEXTAREA"), "the question has no cursor");
    const before = await panel.locator(".turn").count();
    await page.keyboard.type("Where is feedback kept?");
    await page.keyboard.press("Enter");
    await panel.locator(".turn").nth(before).waitFor();
    await panel.locator(`${ANSWER} .chip`).first().waitFor();
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Shift+Tab");
      if (await panel.evaluate(() => document.activeElement?.matches(".turn:last-child .chip") ?? false)) break;
    }
    await panel.locator(".preview").waitFor(); // what a chip quotes is shown by focus too
    await workbench.picture("2-focus");
    await page.keyboard.press("Enter");
    await until(async () => (await workbench.cursor()).line > 0 && (await page.locator(".part.editor .monaco-editor.focused").count()) > 0, "no editor was opened");
    await page.keyboard.press("Control+k");
    await page.keyboard.press("Control+g");
    await until(() => panel.evaluate(() => document.hasFocus() && document.activeElement?.tagName === "TEXTAREA"), "the way back does not lead to the question");
  });

  test.each(["Default Light Modern", "Default High Contrast Light", "Default High Contrast"])("it fits into 300 pixels in %s", async (theme) => {
    await workbench.sideBar(300);
    workbench.set({ ...NOT_TRUSTED, "workbench.colorTheme": theme });
    await workbench.page.waitForTimeout(2500);
    const wider = await panel.evaluate(() => [document.documentElement, ...document.querySelectorAll(".answer pre")].filter((each) => each.scrollWidth > each.clientWidth).length);
    expect(wider).toBe(0);
    await workbench.picture(`3-narrow-${theme.toLowerCase().replaceAll(" ", "-")}`);
  });

  test("the walkthrough leads from setting up to choosing what writes", async () => {
    await workbench.command("Whence: Open Walkthrough");
    await workbench.page.getByText("Choose what writes answers").first().waitFor();
    await workbench.picture("4-walkthrough");
  });

  test("models are offered with their size and memory", async () => {
    await workbench.command("Whence: Use Model");
    await workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: "GB of memory" }).first().waitFor();
    await workbench.picture("5-models");
  });

  test("and none is chosen there: it is told, with the way to trust the folder", async () => {
    await workbench.page.keyboard.press("Enter");
    await workbench.page.getByText("this folder is not trusted").first().waitFor();
    await workbench.picture("6-distrust");
  });

  test("the doctor finds nothing wrong", async () => {
    await until(async () => (await workbench.status().innerText()).trim() === "Whence", "the index was not finished");
    await workbench.command("Whence: Run Doctor");
    await until(() => workbench.shows("embedding model"), "the doctor did not report");
    expect(await workbench.shows(/✗/)).toBe(false);
    await workbench.picture("6-doctor");
    await workbench.command("Whence: Export Diagnostics");
    await workbench.page.locator(".view-line", { hasText: "Look at it before you pass it on" }).waitFor();
    expect(await workbench.page.locator(".tab", { hasText: "Whence Doctor" }).count()).toBe(1); // still there
    await workbench.picture("7-diagnostics");
  });
});

describe("in an empty folder", () => {
  const places = ground("empty");
  const folder = join(places.run, "empty");
  const storage = join(places.run, "data/User/globalStorage/whence.whence");
  beforeAll(async () => {
    mkdirSync(folder);
    workbench = await Workbench.open(places, folder, {});
  });
  afterAll(() => workbench?.close());

  test("nothing is installed, started, indexed or asked", async () => {
    await workbench.status().waitFor(); // it is activated
    await workbench.page.waitForTimeout(5000);
    expect(existsSync(storage) ? readdirSync(storage) : []).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    expect(workbench.programs(/whence_server/)).toEqual([]);
    expect(await workbench.page.locator(".notification-toast").count()).toBe(0);
    await workbench.picture("1-empty");
  });

  test("its first file of code brings the offer to set up, which installs nothing by itself", async () => {
    writeFileSync(join(folder, "app.py"), "");
    await workbench.file("app.py");
    await workbench.page.keyboard.type("print(1)");
    await workbench.page.keyboard.press("Control+s");
    await workbench.page.locator(".notification-toast", { hasText: "Python environment of its own" }).waitFor();
    await workbench.picture("2-offer");
    await workbench.page.locator(".notification-toast .monaco-button", { hasText: "Not Now" }).click();
    await workbench.page.locator("[aria-label*='not set up yet'], [id^='whence.whence'].warning-kind").first().waitFor();
    expect(existsSync(storage) ? readdirSync(storage) : []).toEqual([]);
    await workbench.picture("3-not-now");
  });

  test("a program that is not there is told once, in a sentence", async () => {
    writeFileSync(join(places.run, "data/Machine/settings.json"), JSON.stringify({ "whence.server.path": "/no/such/whence" }));
    await workbench.page.locator(".notification-toast", { hasText: "There is no program /no/such/whence." }).waitFor();
    expect(await workbench.page.locator(".notification-toast").count()).toBe(1);
    await workbench.picture("4-no-program");
  });
});

async function chat(page: Page, typed: string): Promise<void> {
  await workbench.command("Chat: New Chat");
  const input = page.locator(".interactive-input-part").last();
  await input.getByText("Writer").waitFor(); // without a model there is no chat
  await input.locator(".monaco-editor").click();
  await page.keyboard.press("Control+a"); // who was asked last is there already
  await page.keyboard.type(typed, { delay: 20 });
  await page.keyboard.press("Escape"); // the list of suggestions
  await page.keyboard.press("Enter");
}
