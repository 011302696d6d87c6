// The status bar's item and the language status: whether the index is there, what is being done, and what is wrong.
import * as vscode from "vscode";
import type { Progress } from "./connection";
import { type Root, type Status, TRAINING_TITLE } from "./protocol";
import type { Requests } from "./requests";
import type { Server, State } from "./server";

const SOON_MS = 300;

export interface Shown {
  readonly text: string;
  readonly detail: string;
  readonly severity: "ok" | "warning" | "error";
  readonly busy: boolean;
  /** What mends it, or tells more. */
  readonly fix: { readonly command: string; readonly title: string };
}

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("whence.status", vscode.StatusBarAlignment.Left, -1);
  private readonly language = vscode.languages.createLanguageStatusItem("whence.status", [{ scheme: "file" }]);
  private readonly listening: vscode.Disposable[];
  private status: Status | undefined;
  private due: NodeJS.Timeout | undefined;
  private runs = 0;

  constructor(
    private readonly server: Server,
    private readonly requests: Requests,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.item.name = "Whence";
    this.language.name = "Whence";
    this.listening = [
      server.onDidChange(() => this.refresh()),
      requests.onDidChange(() => this.refresh()),
      server.onDidProgress((runs) => this.moved(runs.length)),
    ];
    this.show();
  }

  /** What the server says of its indexes, soon; more than one wish at a time is one. */
  refresh(): void {
    this.show();
    clearTimeout(this.due);
    this.due = setTimeout(() => void this.read(), SOON_MS);
  }

  /** What was made is asked for when a run has begun or ended, not at each of its steps. */
  private moved(runs: number): void {
    if (runs === this.runs) this.show();
    else this.refresh();
    this.runs = runs;
  }

  dispose(): void {
    clearTimeout(this.due);
    for (const each of [this.item, this.language, ...this.listening]) each.dispose();
  }

  private async read(): Promise<void> {
    if (this.server.state.kind !== "running") this.status = undefined;
    else {
      try {
        this.status = await this.requests.status();
      } catch (error) {
        this.log.debug(`No status: ${String(error)}`);
      }
    }
    this.show();
  }

  private show(): void {
    const shown = shownOf(this.server.state, this.server.progress, this.status?.roots ?? []);
    const icon = shown.busy ? "$(sync~spin)" : shown.severity === "ok" ? "$(search-sparkle)" : "$(warning)";
    this.item.text = `${icon} ${shown.text}`;
    this.item.tooltip = tooltip(shown, this.status);
    this.item.accessibilityInformation = { label: `${shown.text}. ${shown.detail}` };
    this.item.command = "whence.menu";
    const colour = { ok: undefined, warning: "statusBarItem.warningBackground", error: "statusBarItem.errorBackground" }[shown.severity];
    this.item.backgroundColor = colour ? new vscode.ThemeColor(colour) : undefined;
    this.item.show();
    this.language.text = shown.text;
    this.language.detail = shown.detail;
    this.language.busy = shown.busy;
    this.language.severity = { ok: vscode.LanguageStatusSeverity.Information, warning: vscode.LanguageStatusSeverity.Warning, error: vscode.LanguageStatusSeverity.Error }[shown.severity];
    this.language.command = shown.fix;
  }
}

/** What is shown of all that is known. Pure. */
export function shownOf(state: State, progress: readonly Progress[], roots: readonly Root[]): Shown {
  const more = { command: "whence.showStatus", title: "Show Index Status" };
  if (state.kind === "failed") {
    return state.setup
      ? { text: "Whence", detail: state.detail, severity: "warning", busy: false, fix: { command: "whence.setUp", title: "Set Up" } }
      : { text: "Whence", detail: state.detail, severity: "error", busy: false, fix: { command: "whence.restart", title: "Restart Server" } };
  }
  if (state.kind === "starting") return { text: "Whence", detail: state.detail, severity: "ok", busy: true, fix: { command: "whence.showLogs", title: "Show Logs" } };
  if (state.kind === "off") return { text: "Whence", detail: "Not started", severity: "ok", busy: false, fix: { command: "whence.restart", title: "Start" } };
  const run = progress.at(-1);
  if (run) {
    const part = run.percentage === undefined ? "" : ` ${run.percentage}%`;
    return { text: `Whence${part}`, detail: `${run.title.replace(/^Whence: /, "")}: ${run.message || "begun"}`, severity: "ok", busy: true, fix: run.title.startsWith(TRAINING_TITLE) ? { command: "whence.showTraining", title: "Show Training" } : { command: "whence.stopIndexing", title: "Stop" } };
  }
  const wrong = roots.find((root) => root.problem !== null);
  if (wrong) return { text: "Whence", detail: `${nameOf(wrong)}: ${wrong.problem ?? ""}`, severity: "warning", busy: false, fix: { command: "whence.reindex", title: "Re-index" } };
  const paused = roots.find((root) => root.paused);
  if (paused) return { text: "Whence", detail: `${nameOf(paused)}: indexing was stopped; files are searched as they are`, severity: "warning", busy: false, fix: { command: "whence.reindex", title: "Resume" } };
  const busy = roots.some((root) => root.indexing);
  return { text: "Whence", detail: roots.map(summary).join("; ") || "No repository is open", severity: "ok", busy, fix: more };
}

/** `shop: 12 files, 34 commits`. */
export function summary(root: Root): string {
  const { index } = root;
  if (!index) return `${nameOf(root)}: no index yet, files are searched as they are`;
  const threads = index.threads ? `, ${count(index.threads, "issue")}` : "";
  const pending = index.pending.files + index.pending.commits;
  return `${nameOf(root)}: ${count(index.files, "file")}, ${count(index.commits, "commit")}${threads}${pending && !index.fresh ? `, ${count(pending, "change")} to be read` : ""}`;
}

export function nameOf(root: Root): string {
  return decodeURIComponent(root.root.slice(root.root.lastIndexOf("/") + 1));
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en-US")} ${what}${number === 1 ? "" : "s"}`;
}

/** Who answers in a repository: the setting says it, or leaves it to what was chosen, which must be able to run. */
export function writerOf({ settings, active }: Root, canRun: boolean): string {
  const { champion, challenger, share } = active;
  if (settings.model === "none" || (settings.model === "auto" && !champion && !challenger)) return "quotations, no model";
  const chosen = settings.model === "auto" ? `${champion ?? "quotations"}${challenger ? `, ${challenger} for ${share} %` : ""}` : settings.model;
  return canRun || chosen.includes("#") ? chosen : `quotations, as what runs models is not installed (${chosen})`;
}

function tooltip(shown: Shown, status: Status | undefined): vscode.MarkdownString {
  const models = [...new Set(status?.roots.map((root) => writerOf(root, status.can_run)))];
  const text = new vscode.MarkdownString();
  text.appendText(shown.detail);
  if (models.length) text.appendText(`\nAnswers: ${models.join(", ")}`);
  return text;
}
