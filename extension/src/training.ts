// The training view: what was collected, what was learnt from it, and its buttons. All that it shows is the server's.
import * as vscode from "vscode";
import * as v from "valibot";
import { openCitation, type Openers } from "./opening";
import { page } from "./page";
import { panelState } from "./panel";
import type { Training } from "./protocol";
import type { Requests } from "./requests";
import type { Server } from "./server";
import { text } from "./settings";
import { isTrusted, messageOf, warn } from "./telling";
import { FromTraining, type ToTraining } from "./trainingMessages";

const BODY = `<main id="training" aria-label="Training"></main>
<div id="state" role="status"></div>`;
/** It is looked at again after this time: while a run is under way, and as a terminal may begin one. */
const [BUSY_MS, IDLE_MS] = [2000, 30_000];

export class TrainingView implements vscode.WebviewViewProvider, vscode.Disposable {
  static readonly id = "whence.training";
  private view: vscode.WebviewView | undefined;
  private shown: Training | undefined;
  private root: string | undefined;
  private known: readonly string[] | undefined;
  private due: NodeJS.Timeout | undefined;
  private asked = 0;
  private readonly listening: readonly vscode.Disposable[];

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly server: Server,
    private readonly requests: Requests,
    private readonly openers: Openers,
  ) {
    this.listening = [server.onDidChange(() => void this.refresh()), requests.onDidChange(() => void this.refresh())];
  }

  dispose(): void {
    clearTimeout(this.due);
    for (const each of this.listening) each.dispose();
  }

  async resolveWebviewView(view: vscode.WebviewView): Promise<void> {
    const folder = vscode.Uri.joinPath(this.extension.extensionUri, "dist", "webview");
    this.view = view;
    view.webview.options = { enableScripts: true, localResourceRoots: [folder], enableCommandUris: false };
    view.webview.onDidReceiveMessage((message: unknown) => void this.receive(message));
    view.onDidChangeVisibility(() => void this.refresh());
    view.onDidDispose(() => {
      this.view = undefined;
      clearTimeout(this.due);
    });
    view.webview.html = await page(view.webview, folder, "training", BODY, ["training.css"]);
  }

  /** Show what the server tells now, and again for as long as the view is seen; `known` are its repositories. */
  private async refresh(known?: readonly string[]): Promise<void> {
    clearTimeout(this.due);
    const asked = ++this.asked;
    const isLast = (): boolean => asked === this.asked;
    if (!this.view?.visible) return;
    this.tell({ type: "state", state: panelState(this.server.state, (vscode.workspace.workspaceFolders ?? []).length > 0) });
    if (this.server.state.kind !== "running") return;
    try {
      const roots = (this.known = known ?? (await this.requests.status()).roots.map(({ root }) => root));
      if (this.root !== undefined && !roots.includes(this.root)) this.root = undefined;
      const training = await this.requests.training(this.root);
      if (!isLast()) return; // another repository may be meant by now
      this.shown = training;
      this.tell({ type: "training", training, roots, installs: !text("server.path") });
    } catch (error) {
      this.openers.log.debug(`No state of the training: ${String(error)}`);
      this.known = undefined;
      if (isLast()) this.tell({ type: "state", state: { kind: "problem", text: messageOf(error) } });
    } finally {
      if (isLast()) this.due = setTimeout(() => void this.refresh(this.known), this.shown && isBusy(this.shown) ? BUSY_MS : IDLE_MS);
    }
  }

  private async receive(given: unknown): Promise<void> {
    const told = v.safeParse(FromTraining, given);
    if (!told.success) return;
    try {
      const said = await this.do(told.output);
      if (said) this.tell({ type: "said", text: said });
    } catch (error) {
      this.openers.log.error(`Training, ${told.output.type}: ${messageOf(error)}`);
      await warn(messageOf(error), this.openers.log);
    }
    await this.refresh();
  }

  /** What a message asks for; what is said of it where it was done. */
  private async do(message: FromTraining): Promise<string | undefined> {
    const root = this.shown?.root;
    switch (message.type) {
      case "ready":
        return undefined;
      case "root":
        this.root = message.root;
        return undefined;
      case "open":
        return this.open(message.example);
      case "fix":
        await this.requests.train("fixExample", { id: message.id, text: message.text, root });
        return "The example was changed";
      case "delete":
        if (!(await agreed("Delete this example?", "What was said of this answer is forgotten.", "Delete"))) return undefined;
        await this.requests.train("deleteExample", { id: message.id, root });
        return "The example was deleted";
      case "start":
        if (!(await isTrusted("nothing is learnt from it"))) return undefined;
        await this.requests.train("start", { anyway: message.anyway, root });
        return "Training has begun";
      case "stop":
        await this.requests.train("stop", { root });
        return "Training was stopped";
      case "deploy":
        if (!(await isTrusted("in it quotations answer"))) return undefined;
        await this.requests.train("deploy", { run: message.run, root });
        return "The model answers from now on";
      case "export":
        return this.export(message.run);
      case "rollBack":
        if (!(await agreed("Roll back the model?", "The model before answers in this repository from then on.", "Roll Back"))) return undefined;
        await this.requests.train("rollBack", { root });
        return "Rolled back";
      case "copy":
        await vscode.env.clipboard.writeText(message.text);
        return "Copied";
      case "run":
        await vscode.commands.executeCommand(message.command);
        return undefined;
    }
  }

  private async open(id: string): Promise<undefined> {
    const citation = this.shown?.examples.find((each) => each.id === id)?.evidence[0];
    if (citation && this.shown) await openCitation(citation, this.shown.root, this.openers);
  }

  private async export(run: string): Promise<string | undefined> {
    const file = await vscode.window.showSaveDialog({ title: "Export the Adapter", filters: { ZIP: ["zip"] }, saveLabel: "Export" });
    if (!file) return undefined;
    await this.requests.train("export", { run, file: file.toString(), root: this.shown?.root });
    return "Exported";
  }

  private tell(message: ToTraining): void {
    void this.view?.webview.postMessage(message);
  }
}

/** Whether a run is under way, also one that a terminal started. */
export function isBusy({ job, runs }: Training): boolean {
  return job?.state === "running" || runs.some(({ status }) => ["preparing", "training", "evaluating"].includes(status));
}

async function agreed(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}
