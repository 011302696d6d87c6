// The language client, a bundle of its own: it is loaded when a server is started, not when the extension is.
import { homedir } from "node:os";
import {
  CloseAction,
  type DynamicFeature,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  type Middleware,
  ProgressType,
  RevealOutputChannelOn,
  ShowMessageNotification,
  MessageType,
  State,
  type StaticFeature,
  WorkDoneProgressCancelNotification,
  type WorkDoneProgressBegin,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from "vscode-languageclient/node";
import type { Connect, Connection, Executable, Hooks, Progress } from "./connection";

const MOST_RESTARTS = 4;
const WITHIN_MS = 3 * 60_000;
const STOP_WITHIN_MS = 2_000;

/** The commands that a hover of the server may hold links to; no others run from Markdown. */
const LINKED = ["whence.explain", "whence.why"];

class Client extends LanguageClient {
  /** The server's commands are our own, which show their answers in the panel: they are not registered twice. */
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    const method = "registrationType" in feature ? feature.registrationType.method : undefined;
    if (method !== ExecuteCommandRequest.method) super.registerFeature(feature);
  }

  /** What fails is told by the extension, once: here it is logged alone. */
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export const connect: Connect = async (executable, hooks) => {
  const runs = new Map<string | number, Progress>();
  const deaths: number[] = [];
  let stopping = false;
  let ran = false;
  const client = new Client("whence", "Whence", run(executable), {
    documentSelector: [{ scheme: "file" }],
    outputChannel: hooks.log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationOptions: hooks.settings, // anew for each server
    markdown: { isTrusted: { enabledCommands: LINKED }, supportHtml: false },
    middleware: middleware(hooks, (token, value) => {
      follow(runs, token, value, () => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      hooks.progress([...runs.values()]);
    }),
    initializationFailedHandler: () => false,
    errorHandler: {
      error: (_error, _message, count) => ({ action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true }),
      closed: () => {
        runs.clear();
        hooks.progress([]);
        if (stopping || !ran) return { action: CloseAction.DoNotRestart, handled: true };
        const restarting = mayRestart(deaths, Date.now());
        hooks.lost(restarting);
        return { action: restarting ? CloseAction.Restart : CloseAction.DoNotRestart, handled: true };
      },
    },
  });
  client.registerFeature({
    fillClientCapabilities: (capabilities) => {
      capabilities.experimental = { ...(capabilities.experimental as object | undefined), commandLinks: true, answers: true };
    },
    initialize: () => undefined,
    getState: () => ({ kind: "static" }),
    clear: () => undefined,
  });
  client.onDidChangeState(({ newState }) => {
    if (newState !== State.Running) return;
    // After the library's own, which shows each message as a notification without an action.
    client.onNotification(ShowMessageNotification.type, ({ type, message }) => {
      hooks.message(message, type <= MessageType.Warning ? "warning" : type === MessageType.Info ? "info" : "log");
    });
    ran = true;
    hooks.running();
  });
  await client.start().catch((error: unknown) => {
    throw new Error(notStarted(executable.command, String(error)), { cause: error });
  });
  return {
    // A token that is undefined would be taken for a second parameter.
    request: (method, params, token) => (token ? client.sendRequest<unknown>(method, params, token) : client.sendRequest<unknown>(method, params)),
    onPartial: (token, receive) => client.onProgress(new ProgressType<unknown>(), token, receive),
    settingsChanged: () => client.sendNotification("workspace/didChangeConfiguration", { settings: null }),
    get name() {
      const told = client.initializeResult?.serverInfo;
      return `${told?.name ?? "server"} ${told?.version ?? ""}`;
    },
    get pid() {
      return client.serverProcess?.pid;
    },
    stop: async () => {
      stopping = true;
      if (client.state === State.Starting) await client.start().catch(() => undefined); // it cannot be stopped before
      await client.dispose(STOP_WITHIN_MS);
    },
  } satisfies Connection;
};

function run({ command, args, env }: Executable): { command: string; args: string[]; options: { cwd: string; env: NodeJS.ProcessEnv } } {
  return { command, args: [...args], options: { cwd: homedir(), env: { ...process.env, ...env } } };
}

/** Why a program did not serve, in a sentence. The library's own words are in the log. */
export function notStarted(command: string, told: string): string {
  if (told.includes("ENOENT")) return `There is no program ${command}.`;
  if (told.includes("EACCES")) return `The program ${command} may not be run.`;
  return `The server ended before it answered: ${command}`;
}

/** Whether a server that died is started again; `deaths` are the times of the last ones. */
function mayRestart(deaths: number[], now: number): boolean {
  deaths.push(now);
  const recent = deaths.filter((each) => now - each < WITHIN_MS);
  deaths.splice(0, deaths.length, ...recent);
  return recent.length <= MOST_RESTARTS;
}

type Step = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

function middleware(hooks: Hooks, progress: (token: string | number, value: Step) => void): Middleware {
  return {
    handleWorkDoneProgress: (token, value) => progress(token, value),
    workspace: {
      // The section holds settings of the extension too, which are none of the server's.
      configuration: ({ items }) => items.map(({ section }) => (section === "whence" ? hooks.settings() : null)),
    },
  };
}

function follow(runs: Map<string | number, Progress>, token: string | number, value: Step, cancel: () => void): void {
  if (value.kind === "end") {
    runs.delete(token);
    return;
  }
  const before = runs.get(token);
  runs.set(token, {
    title: value.kind === "begin" ? value.title : (before?.title ?? ""),
    message: value.message ?? before?.message ?? "",
    percentage: value.percentage ?? before?.percentage,
    cancel,
  });
}

