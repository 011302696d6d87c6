// Setting up as somebody meets it: the window closed meanwhile, a Python that hangs, an update, a window beside.
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type * as vscode from "vscode";
import { run } from "./processes";
import { aPython } from "./python.fake";
import { Setup } from "./setup";
import { set, window } from "./vscode.fake";

const log = { info: vi.fn(), error: vi.fn(), show: vi.fn() } as unknown as vscode.LogOutputChannel;

/** An extension that was installed, and a Python for it; each window has a Setup of its own. */
async function installed() {
  const python = await aPython();
  set["whence.python.path"] = python.path;
  const folder = await mkdtemp(join(tmpdir(), "whence-"));
  await mkdir(join(folder, "server"));
  await writeFile(join(folder, "server", "whence-0.1.0-py3-none-any.whl"), "a wheel");
  await writeFile(join(folder, "server", "constraints.txt"), "numpy==2.0\n");
  const extension = { extensionPath: folder, globalStorageUri: { fsPath: join(folder, "storage") } } as unknown as vscode.ExtensionContext;
  return { python, opened: () => new Setup(extension, log) };
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

afterEach(() => {
  set["whence.python.path"] = "";
  vi.restoreAllMocks();
});

describe("a set-up", () => {
  it("ends with the window, with all that it started", async () => {
    const { python, opened } = await installed();
    await writeFile(join(python.folder, "slow"), "60");
    const told = vi.spyOn(window, "showErrorMessage");
    const setup = opened();
    const making = setup.setUp();
    const pid = await vi.waitFor(async () => Number((await readFile(join(python.folder, "pip.pid"), "utf8")) || expect.fail("not yet")), 5000);
    expect(isThere(pid)).toBe(true);
    setup.dispose();
    expect(await making).toBe(false);
    await vi.waitFor(() => expect(isThere(pid)).toBe(false));
    expect(told).not.toHaveBeenCalled();
    await expect(opened().program()).rejects.toThrow("not set up yet");
  });

  it("leaves what works alone, and what is added to it comes again with a repair", async () => {
    const { opened } = await installed();
    const setup = opened();
    expect(await setup.setUp()).toBe(true);
    const { command } = await setup.program();
    expect(await opened().setUp()).toBe(true);
    expect((await opened().program()).command).toBe(command);
    vi.spyOn(window, "showInformationMessage").mockResolvedValueOnce("Install" as never);
    expect(await setup.add("training")).toBe(true);
    expect(await setup.setUp(true)).toBe(true);
    const pip = await readFile(join((await setup.program()).command, "..", "..", "pip.log"), "utf8");
    expect(pip).toMatch(/whence-0\.1\.0-py3-none-any\.whl\[mcp\]\n.*whence-0\.1\.0-py3-none-any\.whl\[training,model\]\n$/);
  });
});

it("a program that hangs is stopped, with what it started, and said to hang", async () => {
  const { code, tail } = await run({ command: "sh", args: ["-c", "sleep 60; true"], withinMs: 100 });
  expect([code, tail]).toEqual([null, ["it does not answer within 0.1 seconds"]]);
});
