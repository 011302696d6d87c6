// What the rest of the extension knows of a running server. Types alone: the library behind it is loaded on start.
import type * as vscode from "vscode";

export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How far the making of an index is. */
export interface Progress {
  readonly title: string;
  readonly message: string;
  readonly percentage: number | undefined;
  /** Stops it. */
  readonly cancel: () => void;
}

export interface Hooks {
  readonly log: vscode.LogOutputChannel;
  /** The server's settings as they are now. */
  readonly settings: () => Readonly<Record<string, unknown>>;
  /** The server has something to tell; `log` is for who looks. */
  readonly message: (text: string, kind: "warning" | "info" | "log") => void;
  /** Runs that are under way, the last begun last. */
  readonly progress: (runs: readonly Progress[]) => void;
  /** The process is gone; whether another is being started. */
  readonly lost: (restarting: boolean) => void;
  /** It answers, also when another took its place. */
  readonly running: () => void;
}

export interface Connection {
  request(method: string, params: unknown, token?: vscode.CancellationToken): Promise<unknown>;
  onPartial(token: string, receive: (value: unknown) => void): { dispose(): void };
  settingsChanged(): Promise<void>;
  readonly pid: number | undefined;
  /** What it calls itself, and its version. */
  readonly name: string;
  stop(): Promise<void>;
}

export type Connect = (executable: Executable, hooks: Hooks) => Promise<Connection>;
