import { spawnSync } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type * as vscode from "vscode";
import { Environment, readCargo, reason, SetupError, shown, steps } from "./environment";
import { isNewEnough } from "./python";
import { aPython } from "./python.fake";

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

/** What windows of one editor share: a storage, and of two versions what travels along. */
async function shop() {
  const { folder, cargo: carried } = await cargo();
  const fake = await aPython();
  const storage = join(folder, "storage");
  const made = (): Environment => new Environment(storage, carried, log);
  const newer = (): Environment => new Environment(storage, { ...carried, digest: "newer" }, log);
  const make = (environment: Environment, steps: string[] = [], anew = false) => environment.make(fake, nothing, (step) => steps.push(step), token, anew);
  return { made, newer, make, storage, fake };
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
    expect(await environment.python()).toBeUndefined();
  });

  it("that was begun and not ended is none", async () => {
    const { folder, cargo: carried } = await cargo();
    const environment = new Environment(folder, carried, log);
    await mkdir(join(folder, `${environment.name}-x`, "bin"), { recursive: true });
    await writeFile(join(folder, `${environment.name}-x`, "bin", "python"), "");
    expect(await environment.problem()).toBe("it is not set up");
  });

  it("is made once where two windows begin at the same time, and both have it", async () => {
    const { made, make, storage } = await shop();
    const steps: string[] = [];
    await Promise.all([make(made(), steps), make(made(), steps)]);
    expect(await made().problem()).toBeUndefined();
    expect(await readdir(storage)).toHaveLength(1);
    expect(steps).toContain("Waiting for another window");
  });

  it("is made by another window where the one that was at it is gone", async () => {
    const { made, make, storage } = await shop();
    await mkdir(storage);
    const { pid } = spawnSync("true");
    await writeFile(join(storage, "setup.lock"), String(pid));
    await utimes(join(storage, "setup.lock"), 0, Date.now() / 1000 - 60);
    await make(made());
    expect(await made().problem()).toBeUndefined();
  });

  it("that works outlives another set-up and a repair that fails, and is used until that is done", async () => {
    const { made, make } = await shop();
    await make(made());
    const before = await made().python();
    const offline = { ...python, path: process.execPath }; // no Python at all
    await made().make(offline, nothing, () => undefined, token);
    await expect(made().make(offline, nothing, () => undefined, token, true)).rejects.toThrow(SetupError);
    expect([await made().python(), await made().problem()]).toEqual([before, undefined]);
    await make(made(), [], true);
    expect(await made().python()).not.toBe(before);
    expect(await made().problem()).toBeUndefined();
    await access(before ?? "");
  });

  it("of an earlier version stays for a week after it was used last", async () => {
    const { made, make, newer, storage } = await shop();
    await make(made());
    const earlier = (await made().python()) ?? "";
    await make(newer());
    const days = (number: number): number => Date.now() + number * 24 * 60 * 60_000;
    await newer().forgetOthers(days(6));
    await access(earlier);
    await newer().forgetOthers(days(8));
    expect((await readdir(storage)).every((name) => name.startsWith(newer().name))).toBe(true);
    expect(await newer().problem()).toBeUndefined();
  });

  it("has after an update what was added before it, or says why not and works all the same", async () => {
    const { made, make, newer, storage, fake } = await shop();
    await make(made());
    await made().add("model", nothing, () => undefined, token);
    await make(newer());
    const log = await readFile(join(dirname(dirname((await newer().python()) ?? "")), "pip.log"), "utf8");
    expect(log.trim().split("\n").map((line) => /\[\w+\]$/.exec(line)?.[0])).toEqual(["[mcp]", "[model]"]);
    await writeFile(join(fake.folder, "no-compiler"), "");
    expect(await make(newer(), [], true)).toEqual(["Building llama.cpp: some minutes, once failed: error: no C++ compiler"]);
    expect(await newer().problem()).toBeUndefined();
    expect((await readdir(storage)).filter((name) => name.startsWith("env-"))).toHaveLength(3);
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
