// The extension's own Python environment, in its global storage: made from the wheel that travels with it, checked,
// mended and renewed with each version, always beside the one before. Nothing of it is outside that folder.
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import type * as vscode from "vscode";
import type { Python } from "./python";
import { run, type Run } from "./processes";

/** What travels inside the VSIX. */
export interface Cargo {
  readonly wheel: string;
  readonly constraints: string;
  /** Of both: another one needs another environment. */
  readonly digest: string;
}

export interface Options {
  /** A folder with wheels of everything: then no network is used. */
  readonly wheelhouse: string;
  readonly indexUrl: string;
  readonly proxy: string;
}

export class SetupError extends Error {}

/** What is added to the server where somebody asked for it, and kept by those who come after. */
export type Extra = "model" | "training";

/** Written at last, with what was asked for; what has none was begun and not ended. Touched while it is used. */
const DONE = "installed.json";
const Mark = v.object({ made: v.number(), extras: v.array(v.picklist(["model", "training"])) });
/** Held by the window that makes one, so that the others wait and use it. It holds the process that wrote it. */
const LOCK = "setup.lock";
const LOOK_AGAIN_MS = 500;
const WRITTEN_WITHIN_MS = 5_000;
const LONGEST_SETUP_MS = 60 * 60_000;
/** So long after it was last used an environment is kept: a window not reloaded, or a training run, may still use it. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
const CHECK_WITHIN_MS = 60_000;

interface Made {
  readonly folder: string;
  readonly made: number;
  readonly extras: readonly Extra[];
}

/** Those in `folder`. Throws `SetupError` where there is no wheel. */
export async function readCargo(folder: string): Promise<Cargo> {
  const names = await readdir(folder).catch(() => []);
  const wheel = names.find((name) => /^whence-.*\.whl$/.test(name));
  if (!wheel) throw new SetupError("This build of the extension carries no server; set whence.server.path");
  const constraints = join(folder, "constraints.txt");
  const hash = createHash("sha256").update(wheel).update(await readFile(constraints)).update(await readFile(join(folder, wheel)));
  return { wheel: join(folder, wheel), constraints, digest: hash.digest("hex").slice(0, 12) };
}

export class Environment {
  /** Under `storage`, which all windows share, one folder for each that was made. None is changed into another. */
  constructor(
    private readonly storage: string,
    private readonly cargo: Cargo,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** By what it is made from. */
  get name(): string {
    return `env-${this.cargo.digest}`;
  }

  /** The Python of the last one that is complete; undefined where there is none. */
  async python(): Promise<string | undefined> {
    const own = await this.own();
    return own && pythonIn(own.folder);
  }

  /** Whether there was one before, perhaps of an earlier version. */
  async wasMade(): Promise<boolean> {
    return (await this.made()).length > 0;
  }

  /** Why it does not work; undefined where it does. */
  async problem(): Promise<string | undefined> {
    const python = await this.python();
    return python === undefined ? "it is not set up" : brokenness(python);
  }

  /**
   * Make it, beside what is there, unless it works already; `anew` also then. `tell` hears of each step. What was added
   * to the last one is added again; returns why each that could not be was not. Throws `SetupError`; nothing is left then.
   */
  async make(python: Python, options: Options, tell: (step: string) => void, token: vscode.CancellationToken, anew = false): Promise<readonly string[]> {
    return this.alone(tell, token, async () => {
      if (!anew && !(await this.problem())) return []; // another window has made it
      const extras = (await this.made()).at(-1)?.extras ?? [];
      const folder = await mkdtemp(join(this.storage, `${this.name}-`));
      try {
        for (const [title, step] of steps(python, folder, pythonIn(folder), this.cargo, options)) await this.step(title, step, tell, token);
        const problem = await brokenness(pythonIn(folder));
        if (problem) throw new SetupError(`The environment was made, but does not work: ${problem}`);
        const lacking = await this.addAll(folder, extras, options, tell, token);
        await mark(folder, extras);
        return lacking;
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    });
  }

  /** Add something, which may be compiled on this machine where no wheel fits. Throws `SetupError`; the rest stays. */
  async add(extra: Extra, options: Options, tell: (step: string) => void, token: vscode.CancellationToken): Promise<void> {
    await this.alone(tell, token, async () => {
      const own = await this.own();
      if (!own) throw new SetupError("Whence is not set up yet");
      await this.step(...addition(pythonIn(own.folder), extra, this.cargo, options), tell, token);
      await mark(own.folder, [...new Set([...own.extras, extra])], own.made);
    });
  }

  /** Note that the environment of this Python is used, which keeps it for another week. */
  async touch(python: string): Promise<void> {
    await utimes(join(dirname(dirname(python)), DONE), new Date(), new Date()).catch(() => undefined);
  }

  /** Whether some window is at it. */
  async isBeingMade(): Promise<boolean> {
    return (await isHeld(join(this.storage, LOCK))) === true;
  }

  /** Take away those of earlier versions, and what was begun and left, which nobody has used for a week. */
  async forgetOthers(now = Date.now()): Promise<void> {
    const own = await this.own();
    for (const folder of own ? await this.folders() : []) {
      const used = await stat(join(folder, DONE)).catch(() => stat(folder)).then(({ mtimeMs }) => mtimeMs, () => now);
      if (folder !== own?.folder && now - used > KEPT_MS) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  private async own(): Promise<Made | undefined> {
    return (await this.made()).findLast(({ folder }) => basename(folder).startsWith(this.name));
  }

  /** Those that are complete, the newest last. */
  private async made(): Promise<Made[]> {
    const found = await Promise.all((await this.folders()).map(readMark));
    return found.filter((each) => each !== undefined).sort((one, other) => one.made - other.made);
  }

  private async folders(): Promise<string[]> {
    const names = await readdir(this.storage).catch(() => []);
    return names.filter((name) => name.startsWith("env-")).map((name) => join(this.storage, name));
  }

  /** Add these to the environment in `folder`; why each that could not be added was not. */
  private async addAll(folder: string, extras: readonly Extra[], options: Options, tell: (step: string) => void, token: vscode.CancellationToken): Promise<string[]> {
    const lacking: string[] = [];
    for (const extra of extras) {
      try {
        await this.step(...addition(pythonIn(folder), extra, this.cargo, options), tell, token);
      } catch (error) {
        if (token.isCancellationRequested || !(error instanceof SetupError)) throw error;
        lacking.push(error.message);
      }
    }
    return lacking;
  }

  /** Do it while no other window makes or changes an environment. */
  private async alone<T>(tell: (step: string) => void, token: vscode.CancellationToken, work: () => Promise<T>): Promise<T> {
    await mkdir(this.storage, { recursive: true });
    const lock = join(this.storage, LOCK);
    while (!(await take(lock))) {
      tell("Waiting for another window");
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      if (token.isCancellationRequested) throw new SetupError(STOPPED);
    }
    try {
      return await work();
    } finally {
      await rm(lock, { force: true });
    }
  }

  private async step(title: string, step: Run, tell: (text: string) => void, token: vscode.CancellationToken): Promise<void> {
    tell(title);
    const said = (line: string): void => {
      this.log.info(line);
      const short = shown(line);
      if (short) tell(short);
    };
    const { code, tail } = await run(step, said, token);
    if (token.isCancellationRequested) throw new SetupError(STOPPED);
    if (code !== 0) throw new SetupError(`${title} failed: ${reason(tail)}`);
  }
}

const STOPPED = "The set-up was stopped";

function pythonIn(folder: string): string {
  return process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

async function brokenness(python: string): Promise<string | undefined> {
  const what = { command: python, args: ["-I", "-m", "whence_server", "--version"], withinMs: CHECK_WITHIN_MS };
  const { code, tail } = await run(what).catch((error: unknown) => ({ code: 1, tail: [String(error)] }));
  return code === 0 ? undefined : (tail.at(-1) ?? "it fails");
}

async function mark(folder: string, extras: readonly Extra[], made = Date.now()): Promise<void> {
  await writeFile(join(folder, DONE), JSON.stringify({ made, extras }));
}

async function readMark(folder: string): Promise<Made | undefined> {
  try {
    await access(pythonIn(folder));
    return { folder, ...v.parse(Mark, JSON.parse(await readFile(join(folder, DONE), "utf8"))) };
  } catch {
    return undefined;
  }
}

/** Whether the lock is ours now. One whose process is gone, or that is too old, is taken. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  if ((await isHeld(lock)) === false) await rm(lock, { force: true });
  return false;
}

/** Whether its process is there, and it is not too old; undefined where there is no lock. */
async function isHeld(lock: string): Promise<boolean | undefined> {
  try {
    const [holder, { mtimeMs }] = await Promise.all([readFile(lock, "utf8"), stat(lock)]);
    const age = Date.now() - mtimeMs;
    return age < WRITTEN_WITHIN_MS || (age < LONGEST_SETUP_MS && isAlive(Number(holder)));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** What is run, in order, and what each is called. Pure. */
export function steps(python: Python, folder: string, inside: string, cargo: Cargo, options: Options): [string, Run][] {
  return [
    ["Creating the environment", { command: python.path, args: ["-I", "-m", "venv", folder], env: QUIETLY }],
    ["Installing", install(inside, "mcp", cargo, options, true)],
  ];
}

const QUIETLY = { PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1", PYTHONNOUSERSITE: "1" };

/** What adds something to an environment, and how that is called. Pure. */
function addition(inside: string, extra: Extra, cargo: Cargo, options: Options): [string, Run] {
  const [title, needed] = { model: ["Building llama.cpp", "model"], training: ["Installing training", "training,model"] }[extra] as [string, string];
  return [`${title}: some minutes, once`, install(inside, needed, cargo, options, false)];
}

/** The wheel with one of its extras, at the exact versions that travel with it. */
function install(inside: string, extra: string, cargo: Cargo, options: Options, wheelsAlone: boolean): Run {
  const from = options.wheelhouse
    ? ["--no-index", "--find-links", options.wheelhouse]
    : [...(options.indexUrl ? ["--index-url", options.indexUrl] : []), ...(options.proxy ? ["--proxy", options.proxy] : [])];
  const binary = wheelsAlone ? ["--only-binary", ":all:"] : [];
  const pip = ["-I", "-m", "pip", "install", "--no-warn-script-location", "--progress-bar", "off"];
  return { command: inside, args: [...pip, ...binary, "--constraint", cargo.constraints, ...from, `${cargo.wheel}[${extra}]`], env: QUIETLY };
}

/** What of pip's output is worth a line of progress. Pure. */
export function shown(line: string): string | undefined {
  const match = /^\s*(?:(Collecting|Downloading|Processing) (?:\S*\/)?([\w.]+)|(Installing) collected)/.exec(line);
  if (!match) return undefined;
  return match[3] ? "Installing packages" : `${match[1] ?? ""} ${(match[2] ?? "").replace(/-\d.*$/, "")}`;
}

/** The line that says most. Pure. */
export function reason(tail: readonly string[]): string {
  return tail.findLast((line) => /error|No matching|No module/i.test(line)) ?? tail.at(-1) ?? "no reason was given";
}
