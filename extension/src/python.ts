// A Python to make the environment with: the setting's, that of the Python extension, or one on PATH.
import * as vscode from "vscode";
import { run } from "./processes";
import { text } from "./settings";

export const OLDEST = [3, 11] as const;

export interface Python {
  readonly path: string;
  readonly version: string;
  readonly from: string;
}

export interface Candidate {
  readonly path: string;
  readonly from: string;
}

const PROBE = "import sys, venv, ensurepip; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))";
const PROBE_WITHIN_MS = 20_000;

/** The first that is new enough and can make environments; else why each is not it. */
export async function findPython(log: vscode.LogOutputChannel, token?: vscode.CancellationToken): Promise<Python | readonly string[]> {
  const problems: string[] = [];
  for (const candidate of await candidates()) {
    if (token?.isCancellationRequested) throw new vscode.CancellationError();
    const found = await probe(candidate, token);
    if (typeof found !== "string") {
      log.info(`Python ${found.version} at ${found.path} (${found.from})`);
      return found;
    }
    problems.push(`${candidate.path} (${candidate.from}): ${found}`);
  }
  return problems;
}

/** A repository's own interpreter is a program of its authors: it runs only where its workspace is trusted. */
async function candidates(): Promise<Candidate[]> {
  const set = text("python.path");
  if (set) return [{ path: set, from: "setting whence.python.path" }];
  const selected = vscode.workspace.isTrusted ? await selectedPython() : undefined;
  return [...(selected ? [{ path: selected, from: "Python extension" }] : []), ...onPath(process.platform)];
}

export function onPath(platform: NodeJS.Platform): Candidate[] {
  const names = platform === "win32" ? ["py", "python"] : ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
  return names.map((path) => ({ path, from: "PATH" }));
}

async function selectedPython(): Promise<string | undefined> {
  if (!vscode.extensions.getExtension("ms-python.python")) return undefined;
  try {
    const { PythonExtension } = await import("@vscode/python-extension");
    const api = await PythonExtension.api();
    const environment = await api.environments.resolveEnvironment(api.environments.getActiveEnvironmentPath());
    return environment?.executable.uri?.fsPath;
  } catch {
    return undefined;
  }
}

/** The Python at `path`, or why it will not do. */
async function probe({ path, from }: Candidate, token?: vscode.CancellationToken): Promise<Python | string> {
  try {
    const { code, stdout, tail } = await run({ command: path, args: ["-I", "-c", PROBE], withinMs: PROBE_WITHIN_MS }, undefined, token);
    if (code !== 0) return tail.at(-1) ?? "it fails";
    const [executable, version] = stdout.trim().split(/\r?\n/);
    if (!executable || !version) return "it is no Python";
    return isNewEnough(version) ? { path: executable, version, from } : `it is ${version}; ${OLDEST.join(".")} or newer is needed`;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT" ? "not there" : String(error);
  }
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}
