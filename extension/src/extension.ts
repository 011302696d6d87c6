// The composition root. Activation registers what can be asked; the server is started beside it, never in its way.
import * as vscode from "vscode";
import { registerAgents } from "./agents";
import { registerChat } from "./chat";
import { registerCommands } from "./commands";
import type { Connect } from "./connection";
import { Panel } from "./panel";
import { Reports } from "./reports";
import { Requests } from "./requests";
import { Server } from "./server";
import { chatEnabled } from "./settings";
import { Setup } from "./setup";
import { StatusBar } from "./statusBar";
import { TrainingView } from "./training";

/** Settings by which the server is started: a change needs another start. */
const STARTED_BY = ["whence.server.path"];

let server: Server | undefined;

export function activate(extension: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Whence", { log: true });
  const setup = new Setup(extension, log);
  const started = (server = new Server((tell) => setup.server(tell), loadClient, log));
  const requests = new Requests(started);
  const panel = new Panel(extension, started, requests, log);
  const training = new TrainingView(extension, started, requests, log);
  const status = new StatusBar(started, requests, log);
  const reports = new Reports();
  extension.subscriptions.push(
    log,
    setup,
    started,
    panel,
    status,
    reports,
    vscode.window.registerWebviewViewProvider(Panel.id, panel),
    training,
    vscode.window.registerWebviewViewProvider(TrainingView.id, training),
    ...registerCommands({ extension, log, server: started, requests, setup, panel, status, reports }),
    ...registerAgents(setup, requests),
    vscode.workspace.onDidChangeConfiguration((event) => void settingsChanged(event, started)),
    vscode.workspace.onDidChangeWorkspaceFolders(() => void begin(started, setup, log)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void begin(started, setup, log)),
    vscode.workspace.onDidSaveTextDocument(() => void begin(started, setup, log)), // an empty folder's first file
  );
  const chat = chatEnabled() ? registerChat(extension, requests) : undefined;
  if (chat) extension.subscriptions.push(chat);
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
    log.debug(String(error)); // the status bar shows it, and what can be done
  }
}

/** Whether there is a file that a program is made of, or a repository. */
async function hasCode(): Promise<boolean> {
  if (!vscode.workspace.workspaceFolders?.some((folder) => folder.uri.scheme === "file")) return false;
  const found = await vscode.workspace.findFiles("**/*.{py,js,jsx,ts,tsx,mjs,cjs,go,rs,java,c,h,cc,cpp,hpp,cs,rb,php,kt,scala,swift,lua,sh,ex,exs,hs,zig,ipynb,md,rst,adoc}", "**/node_modules/**", 1);
  return found.length > 0;
}

async function settingsChanged(event: vscode.ConfigurationChangeEvent, server: Server): Promise<void> {
  if (STARTED_BY.some((key) => event.affectsConfiguration(key))) await server.restart().catch(() => undefined);
  else if (event.affectsConfiguration("whence")) await server.settingsChanged();
}
