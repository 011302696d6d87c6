// Where the tests of the editor stand: what they need of this machine, and clones of this repository to work in.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Places } from "./workbench";

const root = resolve(import.meta.dirname, "../..");
const runs = resolve(process.env["WHENCE_E2E_RUN"] ?? join(root, ".venv/e2e/run"));

export const server = resolve(process.env["WHENCE_E2E_SERVER"] ?? join(root, ".venv/bin/whence"));

/** After so many milliseconds a new window has started all that it starts. */
export const REST = 10_000;

/** The places of one test file, whose own folder is emptied. */
export function ground(name: string): Places {
  const run = join(runs, name);
  rmSync(run, { recursive: true, force: true });
  mkdirSync(run, { recursive: true });
  return {
    tools: resolve(process.env["WHENCE_E2E_TOOLS"] ?? join(root, ".venv/e2e")),
    vsix: resolve(process.env["WHENCE_E2E_VSIX"] ?? join(root, "extension/dist/whence.vsix")),
    run,
    chromium: process.env["CHROMIUM"] ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim(),
  };
}

/** A clone of this repository, with its history or, to be indexed sooner, without. */
export function cloned(folder: string, history = true): string {
  execFileSync("git", ["clone", "-q", ...(history ? [root] : ["--depth=1", `file://${root}`]), folder]);
  return folder;
}
