// The ask panel: a view of the conversation, and what its buttons do. All that it shows comes from the server.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import * as v from "valibot";
import { asMarkdown } from "./citations";
import {
  aboutOf,
  answered,
  begin,
  type Context,
  contextOf,
  conversationOf,
  extended,
  failed,
  isOpen,
  readTurns,
  remembered,
  stopped,
  type Turn,
} from "./conversation";
import { FromPanel, type PanelState, type ToPanel } from "./messages";
import { openCitation, type Openers } from "./opening";
import { page } from "./page";
import type { Answer, LineCommand, Lines } from "./protocol";
import { type Requests, wasCancelled } from "./requests";
import type { Server, State } from "./server";
import { messageOf } from "./telling";

const HISTORY = "whence.history";

/** `fresh` is whether nothing was asked yet, which is shown without waiting for more. */
const body = (fresh: boolean): string => `<main id="turns" aria-label="Answers"${fresh ? " data-fresh" : ""}></main>
<div id="state" role="status"></div>
<form id="form"></form>`;

const TITLES: Record<LineCommand, (label: string) => string> = {
  "whence.explain": (label) => `What does ${label} do?`,
  "whence.why": (label) => `Why was ${label} changed?`,
  "whence.who": (label) => `Who knows ${label}?`,
  "whence.similar": (label) => `What is similar to ${label}?`,
};

export class Panel implements vscode.WebviewViewProvider, vscode.Disposable {
  static readonly id = "whence.ask";
  private view: vscode.WebviewView | undefined;
  private loaded = false;
  private wantsFocus = false;
  private turns: Turn[] = [];
  private context: Context | undefined;
  private readonly running = new Map<string, vscode.CancellationTokenSource>();
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly server: Server,
    private readonly requests: Requests,
    private readonly openers: Openers,
  ) {
    this.listening = server.onDidChange(() => this.tell({ type: "state", state: this.state() }));
  }

  dispose(): void {
    this.listening.dispose();
    for (const source of this.running.values()) source.dispose();
  }

  async resolveWebviewView(view: vscode.WebviewView): Promise<void> {
    const folder = vscode.Uri.joinPath(this.extension.extensionUri, "dist", "webview");
    this.view = view;
    this.loaded = false;
    view.webview.options = { enableScripts: true, localResourceRoots: [folder], enableCommandUris: false };
    view.webview.onDidReceiveMessage((message: unknown) => void this.receive(message));
    view.onDidDispose(() => (this.view = undefined));
    view.webview.html = await page(view.webview, folder, "panel", body(!this.turns.length));
  }

  /** Bring the panel to the front with its cursor in the question. */
  async focus(context?: Lines): Promise<void> {
    if (context) this.context = contextOf(context);
    this.wantsFocus = true;
    await vscode.commands.executeCommand(`${Panel.id}.focus`);
    if (this.loaded) this.takeFocus();
  }

  async ask(question: string): Promise<void> {
    const context = this.context;
    this.context = undefined;
    this.tell({ type: "context", context });
    await this.show();
    const conversation = conversationOf(this.turns);
    const last = conversation && this.turns.findLast((turn) => turn.answer)?.answer; // its repository is meant, whatever is on screen
    const about = context ?? (last ? undefined : shownFile(vscode.window.activeTextEditor));
    await this.answer(question, context, (token, receive) =>
      this.requests.ask(
        {
          question,
          ...(about && { uri: about.uri }),
          ...(context && { range: context.range }),
          ...(conversation && { conversation }),
          ...(last && !context && { root: last.root }),
        },
        receive,
        token,
      ),
    );
  }

  /** One of the commands on lines, as a question of its own. */
  async askOf(command: LineCommand, lines: Lines): Promise<void> {
    const context = contextOf(lines);
    await this.show();
    await this.answer(TITLES[command](context.label), context, (token) => this.requests.ofLines(command, lines, token));
  }

  /** Begin a new conversation; the old one stays in the history. */
  clear(): void {
    for (const turn of this.turns) this.stop(turn.id);
    this.turns = [];
    this.context = undefined;
    this.tellAll();
  }

  /** Choose an earlier question to see its answer again, or to forget them all. */
  async history(): Promise<void> {
    const kept = this.kept();
    const forget: vscode.QuickPickItem = { label: "$(trash) Clear History" };
    const items = kept.toReversed().map((turn) => ({ label: turn.question, description: aboutOf(turn) ?? "", detail: new Date(turn.at).toLocaleString(), turn }));
    const chosen = await vscode.window.showQuickPick([...items, ...(items.length ? [forget] : [])], {
      title: "Whence: Earlier Questions",
      placeHolder: items.length ? "Choose a question to see its answer" : "Nothing was asked in this workspace yet",
      matchOnDetail: true,
    });
    if (chosen === forget) await this.extension.workspaceState.update(HISTORY, undefined);
    else if (chosen && "turn" in chosen) {
      this.clear();
      this.turns = [chosen.turn];
      await this.focus();
      this.tellAll();
    }
  }

  private async show(): Promise<void> {
    if (!this.view?.visible) await vscode.commands.executeCommand(`${Panel.id}.focus`);
  }

  private async answer(
    question: string,
    context: Context | undefined,
    work: (token: vscode.CancellationToken, receive: (text: string) => void) => Promise<Answer>,
  ): Promise<void> {
    const source = new vscode.CancellationTokenSource();
    const { id } = this.set(begin(randomUUID(), question, context, Date.now()));
    this.running.set(id, source);
    try {
      const answer = await work(source.token, (text) => this.extend(id, text));
      this.update(id, (turn) => answered(turn, answer));
    } catch (error) {
      if (!wasCancelled(error)) this.openers.log.error(`"${question}" could not be answered: ${String(error)}`);
      const problem = messageOf(error);
      this.update(id, (turn) => (wasCancelled(error) ? stopped(turn) : failed(turn, problem)));
    } finally {
      this.running.delete(id);
      source.dispose();
    }
    await this.keep(id);
  }

  private extend(id: string, text: string): void {
    const index = this.turns.findIndex((turn) => turn.id === id);
    const turn = this.turns[index];
    if (!turn || !isOpen(turn)) return;
    this.turns[index] = extended(turn, text);
    this.tell({ type: "piece", turn: id, text });
  }

  private stop(id: string): void {
    this.running.get(id)?.cancel();
    this.update(id, stopped);
  }

  private async receive(given: unknown): Promise<void> {
    const told = v.safeParse(FromPanel, given);
    if (!told.success) return;
    const message = told.output;
    switch (message.type) {
      case "ready":
        this.loaded = true;
        this.tellAll();
        if (this.wantsFocus) this.takeFocus();
        return;
      case "ask":
        if (message.question.trim()) await this.ask(message.question.trim());
        return;
      case "stop":
        { this.stop(message.turn); return; }
      case "open":
        return this.open(message.turn, message.citation);
      case "link":
        if (/^https?:\/\//i.test(message.address)) await vscode.env.openExternal(vscode.Uri.parse(message.address, true));
        return;
      case "copy":
        return this.copy(message.turn);
      case "again":
        return this.again(message.turn);
      case "judge":
        return this.judge(message.turn, message.verdict, message.text);
      case "withoutContext":
        this.context = undefined;
        return;
      case "run":
        await vscode.commands.executeCommand(message.command);
    }
  }

  private async open(id: string, number: number): Promise<void> {
    const { answer, context } = this.find(id) ?? {};
    const citation = answer?.citations.find((each) => each.id === number);
    if (answer && citation) await openCitation(citation, answer.root, this.openers, context?.uri);
  }

  private async copy(id: string): Promise<void> {
    const turn = this.find(id);
    if (!turn?.answer) return;
    await vscode.env.clipboard.writeText(asMarkdown(turn.question, turn.answer));
    this.tell({ type: "said", text: "Copied with its citations" });
  }

  private async again(id: string): Promise<void> {
    const turn = this.find(id);
    if (!turn) return;
    this.context = turn.context;
    await this.ask(turn.question);
  }

  private async judge(id: string, verdict: "up" | "down" | "correction", text: string | undefined): Promise<void> {
    const { question, answer } = this.find(id) ?? {};
    if (!answer || question === undefined) return;
    try {
      const given = { question, given: answer, root: answer.root }; // the server may have forgotten an answer of the history
      await this.requests.feedback({ answer: answer.id, verdict, ...(text && { text }), ...given });
      this.update(id, (turn) => ({ ...turn, verdict }));
      this.tell({ type: "said", text: verdict === "correction" ? "Correction kept on this machine" : "Kept on this machine" });
      await this.keep(id);
    } catch (error) {
      this.openers.log.warn(`The feedback was not kept: ${String(error)}`);
      this.tell({ type: "said", text: `Not kept: ${messageOf(error)}` });
      this.update(id, (turn) => turn);
    }
  }

  private find(id: string): Turn | undefined {
    return this.turns.find((turn) => turn.id === id);
  }

  private set(turn: Turn): Turn {
    this.turns = [...this.turns.filter((each) => each.id !== turn.id), turn];
    this.tell({ type: "turn", turn });
    return turn;
  }

  private update(id: string, change: (turn: Turn) => Turn): void {
    this.turns = this.turns.map((turn) => (turn.id === id ? change(turn) : turn));
    const turn = this.find(id);
    if (turn) this.tell({ type: "turn", turn });
  }

  private kept(): Turn[] {
    return readTurns(this.extension.workspaceState.get<unknown>(HISTORY));
  }

  private async keep(id: string): Promise<void> {
    const turn = this.find(id);
    if (turn?.answer) await this.extension.workspaceState.update(HISTORY, remembered(this.kept(), turn));
  }

  private takeFocus(): void {
    this.wantsFocus = false;
    this.tell({ type: "context", context: this.context });
    this.tell({ type: "focus" });
  }

  private tellAll(): void {
    this.tell({ type: "all", turns: this.turns, context: this.context, state: this.state() });
  }

  private tell(message: ToPanel): void {
    if (this.loaded) void this.view?.webview.postMessage(message);
  }

  private state(): PanelState {
    return panelState(this.server.state, (vscode.workspace.workspaceFolders ?? []).length > 0);
  }
}

/** What the panel says of the server's state. */
export function panelState(state: State, hasFolder: boolean): PanelState {
  if (!hasFolder) {
    const action = { command: "workbench.action.files.openFolder", title: "Open Folder" } as const;
    return { kind: "problem", text: "Open a folder with code to ask about it.", action };
  }
  switch (state.kind) {
    case "running":
      return { kind: "ready", text: "" };
    case "off":
      return { kind: "ready", text: "" };
    case "starting":
      return { kind: "busy", text: state.detail };
    case "failed":
      return {
        kind: "problem",
        text: state.detail,
        action: state.setup ? { command: "whence.setUp", title: "Set Up Whence" } : { command: "whence.restart", title: "Restart Server" },
      };
  }
}

/** The file on screen: among several repositories, its own is asked. */
function shownFile(editor: vscode.TextEditor | undefined): { uri: string } | undefined {
  return editor?.document.uri.scheme === "file" ? { uri: editor.document.uri.toString() } : undefined;
}
