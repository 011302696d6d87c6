// What the buttons of the training view do, where there is no editor. The view itself is tested beside it.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type * as vscode from "vscode";
import type { Training } from "./protocol";
import type { Reports } from "./reports";
import type { Requests } from "./requests";
import type { Server } from "./server";
import { isBusy, TrainingView } from "./training";
import { aRun, aTraining } from "./training.fake";
import type { FromTraining, ToTraining } from "./trainingMessages";
import { EventEmitter, set, window, workspace } from "./vscode.fake";

const told: ToTraining[] = [];
const done: [string, unknown][] = [];
let training: Training;
let refused: Error | undefined;
let closed: Error | undefined;
let taught: EventEmitter<undefined>;
let press: (message: FromTraining) => Promise<void>;

beforeEach(async () => {
  vi.useFakeTimers();
  told.length = done.length = 0;
  training = aTraining;
  refused = closed = undefined;
  taught = new EventEmitter();
  Object.assign(workspace, { workspaceFolders: [{}] });
  const received = new EventEmitter<unknown>();
  const none = new EventEmitter<unknown>();
  const server = { state: { kind: "running" }, onDidChange: none.event } as unknown as Server;
  const requests = {
    status: () => Promise.resolve({ roots: [{ root: "file:///shop" }] }),
    training: () => (closed ? Promise.reject(closed) : Promise.resolve(training)),
    onDidChange: taught.event,
    train: (command: string, argument: unknown) => (refused ? Promise.reject(refused) : Promise.resolve(void done.push([command, argument]))),
  } as unknown as Requests;
  const log = { error: vi.fn(), debug: vi.fn(), show: vi.fn() } as unknown as vscode.LogOutputChannel;
  const webview = { onDidReceiveMessage: received.event, asWebviewUri: (uri: unknown) => uri, cspSource: "csp", postMessage: (message: ToTraining) => told.push(message), html: "", options: {} };
  const view = { webview, visible: true, onDidChangeVisibility: none.event, onDidDispose: none.event };
  const extension = { extensionUri: { fsPath: new URL("..", import.meta.url).pathname } } as unknown as vscode.ExtensionContext;
  await new TrainingView(extension, server, requests, { log, reports: {} as unknown as Reports }).resolveWebviewView(view as unknown as vscode.WebviewView);
  expect(webview.html).toMatch(/default-src 'none'; script-src 'nonce-([\w-]+)'; style-src 'nonce-\1'/);
  expect(webview.html.match(/<\/?script/g)).toHaveLength(2); // the bundle ends where it ends
  press = async (message) => {
    received.fire(message);
    await vi.advanceTimersByTimeAsync(1);
  };
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the training view", () => {
  it("shows what the server tells, and again while a run is under way", async () => {
    training = { ...aTraining, runs: [{ ...aRun, status: "training" }] };
    await press({ type: "ready" });
    const shown = (): number => told.filter(({ type }) => type === "training").length;
    expect(shown()).toBe(1);
    training = aTraining;
    await vi.advanceTimersByTimeAsync(2000);
    expect(shown()).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(shown()).toBe(2); // it has ended
  });

  it("follows what is said of answers beside it, and a run also after a request that failed", async () => {
    training = { ...aTraining, runs: [{ ...aRun, status: "training" }] };
    await press({ type: "ready" });
    closed = new Error("the disk sleeps");
    await vi.advanceTimersByTimeAsync(2000);
    expect(told.at(-1)).toMatchObject({ type: "state", state: { text: "the disk sleeps" } });
    closed = undefined;
    training = aTraining;
    await vi.advanceTimersByTimeAsync(2000);
    expect(told.at(-1)).toMatchObject({ type: "training", training: aTraining });
    training = { ...aTraining, examples: [] };
    taught.fire(undefined);
    await vi.advanceTimersByTimeAsync(1);
    expect(told.at(-1)).toMatchObject({ type: "training", training: { examples: [] } });
  });

  it("lets the server do what is pressed, in the repository that is shown", async () => {
    await press({ type: "ready" });
    await press({ type: "start", anyway: false });
    await press({ type: "fix", id: "a", text: "So." });
    await press({ type: "deploy", run: "abc-123" });
    expect(done).toEqual([
      ["start", { anyway: false, root: "file:///shop" }],
      ["fixExample", { id: "a", text: "So.", root: "file:///shop" }],
      ["deploy", { run: "abc-123", root: "file:///shop" }],
    ]);
    expect(told).toContainEqual({ type: "said", text: "Training has begun" });
  });

  it("learns nothing from a folder that is not trusted, and puts nothing in use there", async () => {
    const asked = vi.spyOn(window, "showWarningMessage");
    workspace.isTrusted = false;
    await press({ type: "start", anyway: true });
    await press({ type: "deploy", run: "abc-123" });
    workspace.isTrusted = true;
    expect(done).toEqual([]);
    expect(asked).toHaveBeenLastCalledWith("Whence: this folder is not trusted: in it quotations answer.", "Manage Trust");
  });

  it("installs what is missing only where the environment is the extension's own", async () => {
    await press({ type: "ready" });
    set["whence.server.path"] = "/opt/whence";
    await press({ type: "ready" });
    set["whence.server.path"] = "";
    expect(told.flatMap((each) => (each.type === "training" ? each.installs : []))).toEqual([true, false]);
  });

  it("asks before it forgets anything, and says what the server refused", async () => {
    const asked = vi.spyOn(window, "showWarningMessage");
    await press({ type: "delete", id: "a" });
    await press({ type: "rollBack" });
    expect(done).toEqual([]);
    asked.mockResolvedValueOnce("Delete" as never);
    await press({ type: "delete", id: "a" });
    expect(done.map(([command]) => command)).toEqual(["deleteExample"]);
    refused = new Error("a training run is under way already");
    await press({ type: "start", anyway: true });
    expect(asked).toHaveBeenLastCalledWith("Whence: a training run is under way already", "Show Logs");
  });

  it("does nothing that it does not know", async () => {
    await press({ type: "run", command: "workbench.action.quit" } as unknown as FromTraining);
    expect(told).toEqual([]);
  });
});

it("is busy with what a terminal began, too", () => {
  expect(isBusy(aTraining)).toBe(false);
  expect(isBusy({ ...aTraining, runs: [{ ...aRun, status: "evaluating" }] })).toBe(true);
  expect(isBusy({ ...aTraining, job: { state: "running", began: null, ended: null, message: "" } })).toBe(true);
});
