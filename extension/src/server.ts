// The one server of this window: started when it is first needed, restarted on request, and what state it is in.
import * as vscode from "vscode";
import type { Connect, Connection, Executable, Hooks, Progress } from "./connection";
import { TRAINING_TITLE } from "./protocol";
import { serverSettings } from "./settings";
import { messageOf, unlinked } from "./telling";

export type State =
  | { readonly kind: "off" }
  | { readonly kind: "starting"; readonly detail: string }
  | { readonly kind: "running" }
  | { readonly kind: "failed"; readonly detail: string; readonly setup: boolean };

/** There is nothing to start: the environment is not set up, or the setting is wrong. `setup` offers to set it up. */
export class NoServerError extends Error {
  constructor(
    message: string,
    readonly setup: boolean,
  ) {
    super(message);
  }
}

/** Finds what to start; tells meanwhile what it does. Throws `NoServerError`. */
export type Launch = (tell: (detail: string) => void) => Promise<Executable>;

export class Server implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<State>();
  private readonly moved = new vscode.EventEmitter<readonly Progress[]>();
  readonly onDidChange = this.changed.event;
  readonly onDidProgress = this.moved.event;
  progress: readonly Progress[] = [];
  state: State = { kind: "off" };
  private connected: Promise<Connection> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  /** Rejects what was asked and not yet answered. */
  private readonly due = new Set<(reason: Error) => void>();
  /** When each run under way began, by its title. */
  private readonly begun = new Map<string, number>();

  constructor(
    private readonly launch: Launch,
    private readonly connect: () => Promise<Connect>,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** The connection to a server that answers, which is started if need be. */
  connection(): Promise<Connection> {
    this.connected ??= this.start();
    return this.connected;
  }

  /** Ask it. Rejects when it is ended meanwhile: one that hangs would never answer. */
  async request(method: string, params: unknown, token?: vscode.CancellationToken): Promise<unknown> {
    const connection = await this.connection();
    let reject!: (reason: Error) => void;
    const ended = new Promise<never>((_, rejected) => this.due.add((reject = rejected)));
    try {
      return await Promise.race([connection.request(method, params, token), ended]);
    } finally {
      this.due.delete(reject);
    }
  }

  /** End the server, if there is one, and start another. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.end();
      await this.connection();
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  /** One start or end after the other: two at once would leave a server behind that nobody knows. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async end(): Promise<void> {
    const connected = this.connected;
    this.connected = undefined;
    for (const reject of this.due) reject(new Error("The server was restarted before it had answered"));
    await connected?.then(
      (connection) => connection.stop(),
      () => undefined,
    ).catch((error: unknown) => this.log.warn(`The server did not stop as it should: ${String(error)}`));
    this.set({ kind: "off" });
  }

  async settingsChanged(): Promise<void> {
    if (this.state.kind === "running") await (await this.connected)?.settingsChanged();
  }

  /** Its state once it is not being started any more, which is waited for at most so long. */
  settled(withinMs: number): Promise<State> {
    return new Promise((resolve) => {
      const listening = this.onDidChange((state) => {
        if (state.kind !== "starting") done();
      });
      const timer = setTimeout(() => done(), this.state.kind === "starting" ? withinMs : 0);
      const done = (): void => {
        clearTimeout(timer);
        listening.dispose();
        resolve(this.state);
      };
    });
  }

  /** The process, for diagnostics. */
  async pid(): Promise<number | undefined> {
    return this.state.kind === "running" ? (await this.connected)?.pid : undefined;
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
    this.moved.dispose();
  }

  private async start(): Promise<Connection> {
    try {
      this.set({ kind: "starting", detail: "Looking for the server" });
      const executable = await this.launch((detail) => this.set({ kind: "starting", detail }));
      this.set({ kind: "starting", detail: "Starting" });
      const connect = await this.connect();
      const begun = Date.now();
      const connection = await connect(executable, this.hooks());
      const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath).join(", ");
      this.log.info(`${connection.name}, process ${connection.pid}, answers after ${since(begun)}: ${[executable.command, ...executable.args].join(" ")}; folders: ${folders || "none"}`);
      return connection;
    } catch (error) {
      this.connected = undefined;
      const setup = error instanceof NoServerError && error.setup;
      const detail = messageOf(error);
      this.log.error(`The server could not be started: ${detail}`);
      this.set({ kind: "failed", detail, setup });
      throw error;
    }
  }

  private hooks(): Hooks {
    return {
      log: this.log,
      settings: serverSettings,
      message: (text, kind) => this.tell(text, kind),
      progress: (runs) => {
        this.time(runs);
        this.progress = runs;
        this.moved.fire(runs);
      },
      lost: (restarting) => {
        this.log.warn(`The server is gone; ${restarting ? "another is started" : "it was started too often"}`);
        if (!restarting) this.connected = undefined;
        this.set(
          restarting
            ? { kind: "starting", detail: "Restarting" }
            : { kind: "failed", detail: "The server ended five times within three minutes", setup: false },
        );
      },
      running: () => this.set({ kind: "running" }),
    };
  }

  /** Log what each run took: who finds something slow looks there. */
  private time(runs: readonly Progress[]): void {
    const titles = new Set(runs.map(({ title }) => title));
    for (const title of titles) if (!this.begun.has(title)) this.begun.set(title, Date.now());
    for (const [title, begun] of this.begun) {
      if (titles.has(title)) continue;
      this.log.info(`${title} ended after ${since(begun)}`);
      this.begun.delete(title);
    }
  }

  /** What the server says is logged; what is wrong, and what training came to, is also shown, with a way to learn more. */
  private tell(text: string, kind: "warning" | "info" | "log"): void {
    this.log.info(text);
    const isTraining = text.startsWith(TRAINING_TITLE);
    if (kind === "log" || (kind === "info" && !isTraining)) return;
    const show = kind === "warning" ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
    void show(unlinked(text), isTraining ? "Show Training" : "Show Logs").then((chosen) => {
      if (chosen) void vscode.commands.executeCommand(isTraining ? "whence.showTraining" : "whence.showLogs");
    });
  }

  private set(state: State): void {
    this.state = state;
    this.changed.fire(state);
  }
}

function since(begun: number): string {
  return `${((Date.now() - begun) / 1000).toFixed(1)} s`;
}
