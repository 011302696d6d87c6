import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type * as vscode from "vscode";
import { Environment, readCargo, reason, SetupError, shown, steps } from "./environment";
import { isNewEnough } from "./python";

const log = { info: () => undefined } as unknown as vscode.LogOutputChannel;
const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose: () => undefined }) } as unknown as vscode.CancellationToken;
const python = { path: "python3", version: "3.12.1", from: "PATH" };
const nothing = { wheelhouse: "", indexUrl: "", proxy: "" };

async function cargo() {
  const folder = await mkdtemp(join(tmpdir(), "whence-"));
  await writeFile(join(folder, "whence-0.1.0-py3-none-any.whl"), "a wheel");
  await writeFile(join(folder, "constraints.txt"), "numpy==2.0\n");
  return { folder, cargo: await readCargo(folder) };
}

/** One that is complete, with this as its Python. */
async function made(program = "") {
  const { folder, cargo: carried } = await cargo();
  const storage = join(folder, "storage");
  const environment = new Environment(storage, carried, log);
  await mkdir(join(environment.folder, "bin"), { recursive: true });
  await writeFile(environment.python, program, { mode: 0o755 });
  await writeFile(join(environment.folder, "installed.json"), "{}");
  return { environment, storage };
}

describe("the environment", () => {
  it("is named by what it is made from", async () => {
    const { folder, cargo: before } = await cargo();
    await writeFile(join(folder, "constraints.txt"), "numpy==2.1\n");
    expect((await readCargo(folder)).digest).not.toBe(before.digest);
  });

  it("cannot be made where no wheel travels along", async () => {
    await expect(readCargo(await mkdtemp(join(tmpdir(), "whence-")))).rejects.toBeInstanceOf(SetupError);
  });

  it("leaves nothing where a step fails, and says which and why", async () => {
    const { folder, cargo: carried } = await cargo();
    const environment = new Environment(join(folder, "storage"), carried, log);
    const broken = { ...python, path: process.execPath }; // no Python at all
    await expect(environment.make(broken, nothing, () => undefined, token)).rejects.toThrow(/Creating the environment failed/);
    expect(await readdir(join(folder, "storage"))).toEqual([]);
    expect(await environment.isThere()).toBe(false);
  });

  it("that is there stays where making it anew fails", async () => {
    const { environment, storage } = await made();
    const broken = { ...python, path: process.execPath };
    await expect(environment.make(broken, nothing, () => undefined, token, true)).rejects.toThrow(/failed/);
    expect(await environment.isThere()).toBe(true);
    expect(await readdir(storage)).toHaveLength(1);
  });

  it("is made by one window at a time, and by none twice", async () => {
    const { environment, storage } = await made("#!/bin/sh\nexit 0\n");
    await writeFile(join(storage, "setup.lock"), String(process.pid));
    const told: string[] = [];
    const waiting = environment.make({ ...python, path: "/no/such" }, nothing, (step) => told.push(step), token);
    setTimeout(() => void rm(join(storage, "setup.lock")), 700);
    await waiting; // it works, so that nothing is run
    expect(told[0]).toBe("Waiting for another window");
    await writeFile(join(storage, "setup.lock"), "999999999"); // of a window that was killed
    await environment.make({ ...python, path: "/no/such" }, nothing, () => undefined, token);
  });

  it("of another version stays as long as somebody may use it", async () => {
    const { environment, storage } = await made();
    for (const name of ["env-used", "env-unused"]) await mkdir(join(storage, name));
    await utimes(join(storage, "env-unused"), 0, 0);
    await environment.use();
    expect((await readdir(storage)).sort()).toEqual([basename(environment.folder), "env-used"].sort());
  });

  it("that was begun and not ended is none", async () => {
    const { folder, cargo: carried } = await cargo();
    const environment = new Environment(folder, carried, log);
    await mkdir(join(environment.folder, "bin"), { recursive: true });
    await writeFile(environment.python, "");
    expect(await environment.problem()).toBe("it is not set up");
  });
});

describe("what is run", () => {
  it("is pinned, and takes wheels alone", async () => {
    const { cargo: carried } = await cargo();
    const [venv, install] = steps(python, "/s/env", "/s/env/bin/python", carried, { ...nothing, indexUrl: "https://mirror/simple", proxy: "http://proxy:1" });
    expect(venv?.[1].args).toEqual(["-I", "-m", "venv", "/s/env"]);
    expect(install?.[1].args.join(" ")).toContain(`--only-binary :all: --constraint ${carried.constraints} --index-url https://mirror/simple --proxy http://proxy:1 ${carried.wheel}[mcp]`);
  });

  it("asks no network where there is a wheelhouse", async () => {
    const { cargo: carried } = await cargo();
    const [, install] = steps(python, "/s/env", "/s/env/bin/python", carried, { ...nothing, wheelhouse: "/wheels", indexUrl: "https://mirror" });
    expect(install?.[1].args.join(" ")).toContain("--no-index --find-links /wheels");
    expect(install?.[1].args).not.toContain("https://mirror");
  });
});

it("tells of pip's output what people want to know", () => {
  expect(shown("Collecting lancedb<0.41,>=0.40 (from whence==0.1.0)")).toBe("Collecting lancedb");
  expect(shown("  Downloading pyarrow-21.0.0-cp311-manylinux.whl (42 MB)")).toBe("Downloading pyarrow");
  expect(shown("Processing /wheels/numpy-2.3.0-cp311.whl (from x)")).toBe("Processing numpy");
  expect(shown("Installing collected packages: a, b")).toBe("Installing packages");
  expect(shown("Requirement already satisfied: pip")).toBeUndefined();
  expect(reason(["ERROR: No matching distribution found for numpy", "see above"])).toBe("ERROR: No matching distribution found for numpy");
});

it("takes Python 3.11 and newer", () => {
  expect(["3.11.0", "3.13.2", "4.0.0"].map(isNewEnough)).toEqual([true, true, true]);
  expect(["3.10.14", "2.7.18", "nonsense"].map(isNewEnough)).toEqual([false, false, false]);
});
