// The extension's own Python environment, in its global storage: made from the wheel that travels with it, checked,
// mended and renewed with each version. Nothing of it is outside that folder.
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
    return process.platform === "win32" ? join(this.folder, "Scripts", "python.exe") : join(this.folder, "bin", "python");
  }

  /** Whether it is complete: what was begun and not ended has no mark. */
  async isThere(): Promise<boolean> {
    return (await exists(join(this.folder, DONE))) && (await exists(this.python));
  }

  /** Why it does not work; undefined where it does. */
  async problem(): Promise<string | undefined> {
    if (!(await this.isThere())) return "it is not set up";
    const { code, tail } = await run({ command: this.python, args: ["-I", "-m", "whence_server", "--version"] }).catch((error: unknown) => ({ code: 1, tail: [String(error)] }));
    return code === 0 ? undefined : (tail.at(-1) ?? "it fails");
  }

  /** Make it anew. `tell` hears of each step. Throws `SetupError`; what was made is taken away again. */
  async make(python: Python, options: Options, tell: (step: string) => void, token: vscode.CancellationToken): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    await mkdir(this.storage, { recursive: true });
    try {
      for (const [title, step] of steps(python, this.folder, this.python, this.cargo, options)) {
        tell(title);
        await this.step(title, step, tell, token);
      }
      await writeFile(join(this.folder, DONE), JSON.stringify({ digest: this.cargo.digest, python: python.version }));
    } catch (error) {
      await rm(this.folder, { recursive: true, force: true });
      throw error;
    }
    const problem = await this.problem();
    if (problem) throw new SetupError(`The environment was made, but does not work: ${problem}`);
    await this.forgetOthers();
  }

  /** Add what runs models, which is compiled on this machine where no wheel fits. Throws `SetupError`; the rest stays. */
  async addModels(options: Options, tell: (step: string) => void, token: vscode.CancellationToken): Promise<void> {
    const title = "Building llama.cpp";
    tell(`${title}: some minutes, once`);
    await this.step(title, install(this.python, "model", this.cargo, options, false), tell, token);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
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

  /** Environments of earlier versions. One that is in use elsewhere goes with the next start. */
  private async forgetOthers(): Promise<void> {
    for (const name of await readdir(this.storage)) {
      const folder = join(this.storage, name);
      if (name.startsWith("env-") && folder !== this.folder) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
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

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
