// The extension's own Python environment, in its global storage: made from the wheel that travels with it, checked,
// mended and renewed with each version. Nothing of it is outside that folder.
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

const DONE = "installed.json";
const LOCK = "setup.lock";
const LOOKED_AGAIN_MS = 500;
/** An environment of another version may serve another window, or train: it goes when nobody has used it for so long. */
const UNUSED_MS = 14 * 24 * 3600_000;

/** What can be added to an environment: what runs models, and what trains them. */
export const EXTRAS = { model: "Building llama.cpp: some minutes, once", training: "Installing what trains: some minutes, once" } as const;
export type Extra = keyof typeof EXTRAS;

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
  /** Under `storage`, one folder for each wheel; the others are of other versions. */
  constructor(
    private readonly storage: string,
    private readonly cargo: Cargo,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  get folder(): string {
    return join(this.storage, `env-${this.cargo.digest}`);
  }

  get python(): string {
    return pythonOf(this.folder);
  }

  /** Whether it is complete: what was begun and not ended has no mark. */
  async isThere(): Promise<boolean> {
    return (await exists(join(this.folder, DONE))) && (await exists(this.python));
  }

  /** Why it does not work; undefined where it does. */
  async problem(): Promise<string | undefined> {
    return (await this.isThere()) ? problemOf(this.python) : "it is not set up";
  }

  /** Make it, or where it is there make it `anew`. `tell` hears of each step. Throws `SetupError`; what was there stays then. */
  async make(python: Python, options: Options, tell: (step: string) => void, token: vscode.CancellationToken, anew = false): Promise<void> {
    await mkdir(this.storage, { recursive: true });
    const release = await this.alone(tell, token);
    const beside = `${this.folder}.new`;
    try {
      if (!anew && !(await this.problem())) return; // another window has made it meanwhile
      const extras = await this.extras();
      await rm(beside, { recursive: true, force: true });
      for (const [title, step] of steps(python, beside, pythonOf(beside), this.cargo, options, extras)) {
        tell(title);
        await this.step(title, step, tell, token);
      }
      const problem = await problemOf(pythonOf(beside));
      if (problem) throw new SetupError(`The environment was made, but does not work: ${problem}`);
      await writeFile(join(beside, DONE), JSON.stringify({ digest: this.cargo.digest, python: python.version, extras }));
      await rm(this.folder, { recursive: true, force: true });
      await rename(beside, this.folder);
    } finally {
      await rm(beside, { recursive: true, force: true });
      await release();
    }
  }

  /** Add something to it, which may be compiled on this machine. Throws `SetupError`; the rest stays. */
  async add(extra: Extra, options: Options, tell: (step: string) => void, token: vscode.CancellationToken): Promise<void> {
    const release = await this.alone(tell, token);
    try {
      tell(EXTRAS[extra]);
      await this.step(EXTRAS[extra], install(this.python, extra, this.cargo, options, false), tell, token);
      const mark = join(this.folder, DONE);
      await writeFile(mark, JSON.stringify({ ...(await marked(mark)), extras: [...new Set([...(await this.extras()), extra])] }));
    } finally {
      await release();
    }
  }

  /** It is in use: note that, and take away what nobody has used for long. */
  async use(): Promise<void> {
    const now = new Date();
    await utimes(join(this.folder, DONE), now, now);
    for (const folder of await this.others()) {
      const { mtimeMs } = await stat(join(folder, DONE)).catch(() => stat(folder));
      if (now.getTime() - mtimeMs > UNUSED_MS) await rm(folder, { recursive: true, force: true });
    }
  }

  /** What was added to it, or to that of the version before: it is added again. */
  private async extras(): Promise<Extra[]> {
    const marks = await Promise.all([this.folder, ...(await this.others())].map((folder) => marked(join(folder, DONE))));
    return (Object.keys(EXTRAS) as Extra[]).filter((extra) => marks.some(({ extras }) => extras?.includes(extra)));
  }

  private async others(): Promise<string[]> {
    const names = await readdir(this.storage);
    return names.filter((name) => name.startsWith("env-")).map((name) => join(this.storage, name)).filter((folder) => folder !== this.folder);
  }

  /** Wait until no other window is at it; what is given back lets the next one. */
  private async alone(tell: (step: string) => void, token: vscode.CancellationToken): Promise<() => Promise<void>> {
    const lock = join(this.storage, LOCK);
    for (;;) {
      if (token.isCancellationRequested) throw new SetupError("The set-up was stopped");
      const mine = await writeFile(lock, String(process.pid), { flag: "wx" }).then(() => true, () => false);
      if (mine) return () => rm(lock, { force: true });
      const holder = Number(await readFile(lock, "utf8").catch(() => ""));
      if (holder && !isAlive(holder)) await rm(lock, { force: true });
      else tell("Waiting for another window");
      await new Promise((resolve) => setTimeout(resolve, LOOKED_AGAIN_MS));
    }
  }

  private async step(title: string, step: Run, tell: (text: string) => void, token: vscode.CancellationToken): Promise<void> {
    const said = (line: string): void => {
      this.log.info(line);
      const short = shown(line);
      if (short) tell(short);
    };
    const { code, tail } = await run(step, said, token);
    if (token.isCancellationRequested) throw new SetupError("The set-up was stopped");
    if (code !== 0) throw new SetupError(`${title} failed: ${reason(tail)}`);
  }
}

/** What is run, in order, and what each is called. Pure. */
export function steps(python: Python, folder: string, inside: string, cargo: Cargo, options: Options, extras: readonly Extra[] = []): [string, Run][] {
  return [
    ["Creating the environment", { command: python.path, args: ["-I", "-m", "venv", folder], env: QUIETLY }],
    ["Installing", install(inside, "mcp", cargo, options, true)],
    ...extras.map((extra): [string, Run] => [EXTRAS[extra], install(inside, extra, cargo, options, false)]),
  ];
}

const QUIETLY = { PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_NO_INPUT: "1", PYTHONNOUSERSITE: "1" };

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

function pythonOf(folder: string): string {
  return process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

async function problemOf(python: string): Promise<string | undefined> {
  const { code, tail } = await run({ command: python, args: ["-I", "-m", "whence_server", "--version"] }).catch((error: unknown) => ({ code: 1, tail: [String(error)] }));
  return code === 0 ? undefined : (tail.at(-1) ?? "it fails");
}

async function marked(file: string): Promise<{ extras?: readonly string[] }> {
  return readFile(file, "utf8").then((text) => JSON.parse(text) as { extras?: readonly string[] }).catch(() => ({}));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
