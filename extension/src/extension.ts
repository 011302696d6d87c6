// The composition root. Activation registers what can be asked; the server is started beside it, never in its way.
import * as vscode from "vscode";
import { registerAgents } from "./agents";
import { registerChat } from "./chat";
import { registerCommands } from "./commands";
import type { Connect } from "./connection";
import { Panel } from "./panel";
import { Reports } from "./reports";
import { Requests } from "./requests";
import { NoServerError, Server } from "./server";
import { chatEnabled, text } from "./settings";
import { Setup } from "./setup";
import { StatusBar } from "./statusBar";
import { messageOf, warn } from "./telling";
import { TrainingView } from "./training";

/** What somebody is writing there, and has scrolled to, outlives a look at another view. */
const KEPT = { webviewOptions: { retainContextWhenHidden: true } };

let server: Server | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Whence", { log: true });
  const setup = new Setup(extension, log);
  const started = (server = new Server((tell) => setup.server(tell), loadClient, log));
  const requests = new Requests(started);
  const reports = new Reports();
  const openers = { log, reports };
  const panel = new Panel(extension, started, requests, openers);
  const training = new TrainingView(extension, started, requests, openers);
  const status = new StatusBar(started, requests, log);
  extension.subscriptions.push(
    log,
    setup,
    started,
    panel,
    status,
    reports,
    vscode.window.registerWebviewViewProvider(Panel.id, panel, KEPT),
    training,
    vscode.window.registerWebviewViewProvider(TrainingView.id, training, KEPT),
    ...registerCommands({ extension, log, server: started, requests, setup, panel, status, reports }),
    ...registerAgents(extension, started, setup, requests),
    followSettings(started, log),
    vscode.workspace.onDidChangeWorkspaceFolders(() => void begin(started, setup, log)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void begin(started, setup, log).then(() => started.settingsChanged())),
    vscode.workspace.onDidSaveTextDocument(() => void begin(started, setup, log)), // an empty folder's first file
  );
  const chat = chatEnabled() ? registerChat(extension, requests) : undefined;
  if (chat) extension.subscriptions.push(chat);
  extension.subscriptions.push(started.onDidChange(({ kind }) => void vscode.commands.executeCommand("setContext", "whence.running", kind === "running")));
  setTimeout(() => void begin(started, setup, log), 0);
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function loadClient(): Promise<Connect> {
  const { connect } = await import("./languageClient.js");
  return connect;
}

/** Start the server where a folder with code is open; nothing is installed without a yes. */
async function begin(server: Server, setup: Setup, log: vscode.LogOutputChannel): Promise<void> {
  try {
    if (server.state.kind !== "off" || !(await hasCode())) return;
    if (await setup.isNeeded()) await setup.offer();
    await server.connection();
  } catch (error) {
    tellOf(error, log);
  }
}

/** What was not asked for is told once; that there is nothing to start was offered to be mended. */
function tellOf(error: unknown, log: vscode.LogOutputChannel): void {
  if (error instanceof NoServerError) return;
  void warn(messageOf(error), log);
}

/** Whether there is a file that a program is made of, or a repository. */
async function hasCode(): Promise<boolean> {
  if (!vscode.workspace.workspaceFolders?.some((folder) => folder.uri.scheme === "file")) return false;
  const found = await vscode.workspace.findFiles("**/*.{py,js,jsx,ts,tsx,mjs,cjs,go,rs,java,c,h,cc,cpp,hpp,cs,rb,php,kt,scala,swift,lua,sh,ex,exs,hs,zig,ipynb,md,rst,adoc}", "**/node_modules/**", 1);
  return found.length > 0;
}

/** Another program is another start; but what a folder that is not trusted sets is changed without any effect. */
function followSettings(server: Server, log: vscode.LogOutputChannel): vscode.Disposable {
  let program = text("server.path");
  return vscode.workspace.onDidChangeConfiguration((event) => {
    const before = program;
    program = text("server.path");
    if (program !== before) void server.restart().catch((error: unknown) => tellOf(error, log));
    else if (event.affectsConfiguration("whence")) void server.settingsChanged();
  });
}
