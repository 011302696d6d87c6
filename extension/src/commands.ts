// The commands of the palette, menus, keys, code actions, lenses and hovers. Thin: what they show comes from the server.
import * as vscode from "vscode";
import * as v from "valibot";
import { OPEN_CITATION } from "./citations";
import { diagnosis, report } from "./diagnostics";
import { chooseModel, pullModel, rollBackModel } from "./models";
import type { Panel } from "./panel";
import { Citation, INDEXING_TITLE, LINE_COMMANDS, Lines } from "./protocol";
import type { Reports } from "./reports";
import type { Requests } from "./requests";
import type { Server } from "./server";
import { openCitation } from "./opening";
import type { Setup } from "./setup";
import { type StatusBar, summary, writerOf } from "./statusBar";
import { escaped, messageOf, warn } from "./telling";

export interface Parts {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly server: Server;
  readonly requests: Requests;
  readonly setup: Setup;
  readonly panel: Panel;
  readonly status: StatusBar;
  readonly reports: Reports;
}

const Question = v.object({ question: v.string() });
const Cited = v.object({ citation: Citation, root: v.string() });

export function registerCommands(parts: Parts): vscode.Disposable[] {
  const { panel, server, log } = parts;
  const ofLines = LINE_COMMANDS.map((command): [string, Handler] => [command, (given) => withLines(given, (lines) => panel.askOf(command, lines))]);
  const others: [string, Handler][] = [
    ["whence.ask", (given) => (v.is(Question, given) ? panel.ask(given.question) : panel.focus())],
    [OPEN_CITATION, (given) => openCited(parts, given)],
    ["whence.askSelection", (given) => withLines(given, (lines) => panel.focus(lines))],
    ["whence.newConversation", () => panel.clear()],
    ["whence.showHistory", () => panel.history()],
    ["whence.reindex", () => reindex(parts)],
    ["whence.stopIndexing", () => server.progress.filter(({ title }) => title.startsWith(INDEXING_TITLE)).forEach((run) => run.cancel())],
    ["whence.showStatus", () => showStatus(parts)],
    ["whence.menu", () => menu(parts)],
    ["whence.showTraining", () => vscode.commands.executeCommand("whence.training.focus")],
    ["whence.pullModel", () => pullModel(parts)],
    ["whence.useModel", () => chooseModel(parts)],
    ["whence.rollBackModel", () => rollBackModel(parts)],
    ["whence.showLogs", () => log.show()],
    ["whence.restart", () => server.restart()],
    ["whence.doctor", async () => parts.reports.show("Whence Doctor", await diagnosis(parts))],
    ["whence.exportDiagnostics", async () => parts.reports.show("Whence Diagnostics", await report(parts), "written")],
    ["whence.setUp", () => setUp(parts)],
    ["whence.repair", () => repair(parts)],
    ["whence.installTraining", () => installTraining(parts)],
    ["whence.openWalkthrough", () => vscode.commands.executeCommand("workbench.action.openWalkthrough", `${parts.extension.extension.id}#whence.start`, false)],
    ["whence.openSettings", () => vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${parts.extension.extension.id}`)],
  ];
  return [...ofLines, ...others].map(([name, handler]) => vscode.commands.registerCommand(name, (given: unknown) => guarded(parts, name, handler, given)));
}

/** What an answer in the editor's chat links to. */
async function openCited(parts: Parts, given: unknown): Promise<void> {
  const { citation, root } = v.parse(Cited, given);
  await openCitation(citation, root, parts);
}

type Handler = (given: unknown) => unknown;

/** What fails is logged, and told in one sentence with a way to learn more. */
async function guarded({ log, server }: Parts, name: string, handler: Handler, given: unknown): Promise<void> {
  try {
    await handler(given);
  } catch (error) {
    if (error instanceof vscode.CancellationError) return;
    const problem = messageOf(error);
    log.error(`${name}: ${problem}`);
    if (server.state.kind !== "failed" || !server.state.setup) await warn(problem, log);
    else if (await vscode.window.showWarningMessage(`Whence: ${problem}`, "Set Up")) await vscode.commands.executeCommand("whence.setUp");
  }
}

/** The lines that a lens, an action or a hover names, else those of the gutter's menu, else those selected. */
async function withLines(given: unknown, use: (lines: Lines) => Promise<void>): Promise<void> {
  const named = v.safeParse(Lines, given);
  if (named.success) return use(named.output);
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== "file") {
    void vscode.window.showInformationMessage("Whence: open a file and put the cursor on the lines you ask about.");
    return;
  }
  const line = gutterLine(given);
  const { start, end } = line === undefined || !editor.selection.isEmpty ? editor.selection : new vscode.Range(line, 0, line, 0);
  return use({
    uri: editor.document.uri.toString(),
    range: { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } },
  });
}

const Gutter = v.object({ lineNumber: v.number() });

function gutterLine(given: unknown): number | undefined {
  return v.is(Gutter, given) ? given.lineNumber - 1 : undefined;
}

async function reindex({ requests, status }: Parts): Promise<void> {
  await requests.reindex();
  status.refresh();
}

async function showStatus({ requests, reports }: Parts): Promise<void> {
  const { roots, can_run: canRun } = await requests.status();
  const lines = roots.map((root) => {
    const index = root.index;
    const state = root.indexing ? "being indexed" : root.paused ? "stopped by you" : (root.problem ?? "ready");
    const size = index ? `, ${(index.index_bytes / 1e6).toFixed(1)} MB on disk, ${(index.memory_bytes / 1e6).toFixed(0)} MB in memory` : "";
    return `- **${escaped(summary(root))}**\n  - ${escaped(state)}${size}\n  - embedding model: ${index?.embedder ?? "—"}; answers: ${escaped(writerOf(root, canRun))}`;
  });
  await reports.show("Whence Index", `# Index\n\n${lines.join("\n") || "No repository is open."}\n`);
}

async function menu({ server }: Parts): Promise<void> {
  const running = server.progress.some(({ title }) => title.startsWith(INDEXING_TITLE));
  const items = [
    { label: "$(comment-discussion) Ask", command: "whence.ask" },
    ...(running ? [{ label: "$(debug-stop) Stop Indexing", command: "whence.stopIndexing" }] : [{ label: "$(sync) Re-index", command: "whence.reindex" }]),
    { label: "$(info) Show Index Status", command: "whence.showStatus" },
    { label: "$(server-process) Use Model…", command: "whence.useModel" },
    { label: "$(mortar-board) Show Training", command: "whence.showTraining" },
    { label: "$(debug-restart) Restart Server", command: "whence.restart" },
    { label: "$(pulse) Run Doctor", command: "whence.doctor" },
    { label: "$(output) Show Logs", command: "whence.showLogs" },
    { label: "$(gear) Settings", command: "whence.openSettings" },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: "Whence" });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

async function setUp({ setup, server }: Pick<Parts, "setup" | "server">): Promise<void> {
  if (await setup.setUp()) await server.connection(); // which a question may have started meanwhile
}

/** Make the environment anew, beside the one that the server runs with until then. */
async function repair({ setup, server }: Pick<Parts, "setup" | "server">): Promise<void> {
  if (await setup.setUp(true)) await server.restart();
}

async function installTraining({ setup, server }: Pick<Parts, "setup" | "server">): Promise<void> {
  if (await setup.add("training")) await server.restart();
}
