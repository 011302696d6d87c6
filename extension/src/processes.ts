// Other programs: run to their end, line by line, and stopped with everything they started when asked to.
import { spawn } from "node:child_process";
import type * as vscode from "vscode";

export interface Run {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is stopped when it takes longer. */
  readonly withinMs?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** The last lines of either output, for those who ask why it failed. */
  readonly tail: readonly string[];
}

const TAIL = 20;
const KILL_AFTER_MS = 3_000;

/** Run it. `line` gets each line of either output. Rejects where it cannot be started; a bad end is told in `code`. */
export function run(what: Run, line: (text: string) => void = () => undefined, token?: vscode.CancellationToken): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(what.command, what.args, {
      env: { ...process.env, ...what.env },
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      detached: process.platform !== "win32", // a group of its own, so that all of it can be stopped
    });
    const tail: string[] = [];
    let stdout = "";
    const tell = (text: string): void => {
      tail.push(text);
      if (tail.length > TAIL) tail.shift();
      line(text);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    for (const stream of [child.stdout, child.stderr]) eachLine(stream.setEncoding("utf8"), tell);
    const stopping = token?.onCancellationRequested(() => stop(child.pid));
    const limit = what.withinMs === undefined ? undefined : setTimeout(late, what.withinMs, what.withinMs);
    function late(ms: number): void {
      tell(`it does not answer within ${ms / 1000} seconds`);
      stop(child.pid);
    }
    const ended = (): void => {
      stopping?.dispose();
      clearTimeout(limit);
    };
    child.on("error", (error) => {
      ended();
      reject(error);
    });
    child.on("close", (code) => {
      ended();
      resolve({ code, stdout, tail });
    });
  });
}

function eachLine(stream: NodeJS.ReadableStream, tell: (line: string) => void): void {
  let rest = "";
  stream.on("data", (text: string) => {
    const lines = (rest + text).split(/\r?\n|\r/);
    rest = lines.pop() ?? "";
    for (const each of lines) if (each.trim()) tell(each);
  });
  stream.on("end", () => {
    if (rest.trim()) tell(rest);
  });
}

function stop(pid: number | undefined): void {
  if (pid === undefined) return;
  if (process.platform === "win32") {
    spawn("taskkill", ["/PID", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true }).on("error", () => undefined);
    return;
  }
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended.
    }
  };
  kill("SIGTERM");
  setTimeout(() => kill("SIGKILL"), KILL_AFTER_MS).unref();
}
