// What to start: the program of the setting, else the extension's own environment, which is set up when somebody says so.
import { join } from "node:path";
import * as vscode from "vscode";
import type { Executable } from "./connection";
import { Environment, type Extra, type Options, readCargo, SetupError } from "./environment";
import { findPython } from "./python";
import { NoServerError } from "./server";
import { text } from "./settings";
import { messageOf, unlinked } from "./telling";

const ASKED = "whence.setUpAsked";
/** So often a window says that it uses its environment. */
const USED_EVERY_MS = 60 * 60_000;
const LEARN = "https://www.python.org/downloads/";

/** Each extra: what is asked before it comes, what is said where it cannot, and the command that asks for it. */
const EXTRAS: Readonly<Record<Extra, { readonly title: string; readonly question: string; readonly elsewhere: string; readonly command: string }>> = {
  model: {
    title: "Getting ready for models",
    question: "A model is run by llama.cpp, which is compiled on this machine: some minutes, once; it needs a C++ compiler.",
    elsewhere: "the server of whence.server.path cannot run models: install llama-cpp-python into its Python.",
    command: "whence.useModel",
  },
  training: {
    title: "Getting ready for training",
    question: "Training needs PyTorch and what belongs to it: one to some gigabytes in the extension's folder, once.",
    elsewhere: "the server of whence.server.path cannot train: what to install into its Python stands in the training view.",
    command: "whence.installTraining",
  },
};

type Work = (tell: (message: string) => void, token: vscode.CancellationToken) => Promise<void>;

/** No Python will do; why, of each. */
class NoPythonError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`No Python will do:\n  ${problems.join("\n  ")}`);
  }
}

export class Setup implements vscode.Disposable {
  private under: Promise<boolean> | undefined;
  private environment: Promise<Environment> | undefined;
  /** The Python that this window's server runs with. */
  private used: string | undefined;
  private readonly closed = new vscode.CancellationTokenSource();
  private readonly using: NodeJS.Timeout;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.using = setInterval(() => void this.keep(), USED_EVERY_MS).unref();
  }

  /** What is being set up is stopped, with all that it started. */
  dispose(): void {
    clearInterval(this.using);
    this.closed.cancel();
  }

  /** How `whence` is called; its arguments come after these. Throws `NoServerError`. */
  async program(tell: (detail: string) => void = () => undefined): Promise<Executable> {
    const set = text("server.path");
    if (set) return { command: set, args: [] };
    if (this.under) {
      tell("Setting up Whence");
      await this.under;
    }
    this.used = await (await this.own()).python();
    if (!this.used) throw new NoServerError("Whence is not set up yet: it needs a Python environment of its own.", true);
    void this.keep();
    return { command: this.used, args: ["-I", "-m", "whence_server"] };
  }

  /** What serves an editor. */
  async server(tell: (detail: string) => void): Promise<Executable> {
    const program = await this.program(tell);
    return { ...program, args: [...program.args, "lsp"] };
  }

  /** Whether somebody must be asked before anything is installed. */
  async isNeeded(): Promise<boolean> {
    if (text("server.path")) return false;
    try {
      return !(await (await this.own()).python());
    } catch {
      return false; // there is nothing to install
    }
  }

  /** Offer it, once for each version of the server. An update, and what another window is at, needs no question. */
  async offer(): Promise<void> {
    const environment = await this.own();
    const underWay = await environment.isBeingMade();
    if (!underWay && this.extension.globalState.get(ASKED) === environment.name) return;
    await this.extension.globalState.update(ASKED, environment.name);
    const question = "Whence needs a Python environment of its own: some 600 MB in the extension's folder, made once. Nothing else of your machine changes.";
    const agreed = underWay || (await environment.wasMade()) || (await vscode.window.showInformationMessage(question, "Set Up", "Not Now")) === "Set Up";
    if (agreed) await vscode.commands.executeCommand("whence.setUp");
  }

  /** Set it up where it does not work, `anew` also where it does, with progress that can be stopped. Whether it works then. */
  setUp(anew = false): Promise<boolean> {
    this.under ??= this.make(anew).finally(() => (this.under = undefined));
    return this.under;
  }

  /** Ask for, and install, what runs models or what trains them; whether it is there then. */
  async add(extra: Extra): Promise<boolean> {
    const { title, question, elsewhere, command } = EXTRAS[extra];
    if (text("server.path")) {
      void vscode.window.showWarningMessage(`Whence: ${elsewhere}`);
      return false;
    }
    if ((await vscode.window.showInformationMessage(`Whence: ${question}`, { modal: true }, "Install")) !== "Install") return false;
    const environment = await this.own();
    return this.shown(`Whence: ${title}`, command, (tell, token) => environment.add(extra, options(), tell, token));
  }

  /** What is wrong with its environment, for the doctor. */
  async examine(): Promise<{ readonly problem: string | undefined }> {
    return { problem: await (await this.own()).problem() };
  }

  private async make(anew: boolean): Promise<boolean> {
    const environment = await this.own();
    const title = anew ? "Repairing Whence" : (await environment.wasMade()) ? "Updating Whence" : "Setting up Whence";
    return this.shown(title, anew ? "whence.repair" : "whence.setUp", async (tell, token) => {
      if (!anew && !(await environment.problem())) return;
      tell("Looking for Python");
      const python = await findPython(this.log, token);
      if (!("path" in python)) throw new NoPythonError(python);
      const lacking = await environment.make(python, options(), tell, token, anew);
      if (lacking.length) this.tell(`Whence works, but not all that was added to it before: ${lacking.join("; ")}`);
    });
  }

  /** That the environment is used is noted; those that nobody has used for a week are taken away. */
  private async keep(): Promise<void> {
    if (!this.used) return;
    const environment = await this.own();
    await environment.touch(this.used);
    await environment.forgetOthers();
  }

  /** Do it with progress that can be stopped; whether it was done. What fails is told, with `again` to try once more. */
  private async shown(title: string, again: string, work: Work): Promise<boolean> {
    const stopped = new vscode.CancellationTokenSource();
    try {
      const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
      await vscode.window.withProgress(options, async (progress, token) => {
        for (const each of [token, this.closed.token]) each.onCancellationRequested(() => stopped.cancel());
        await work((message) => progress.report({ message }), stopped.token);
      });
      return true;
    } catch (error) {
      const problem = messageOf(error);
      this.log.error(problem);
      if (error instanceof NoPythonError) void this.tellWithoutPython(error.problems);
      else if (!stopped.token.isCancellationRequested) this.tell(problem, again);
      return false;
    } finally {
      stopped.dispose();
    }
  }

  private tell(problem: string, again?: string): void {
    const actions = again ? ["Show Logs", "Try Again"] : ["Show Logs"];
    void vscode.window.showErrorMessage(`Whence: ${unlinked(problem)}`, ...actions).then(async (chosen) => {
      if (chosen === "Show Logs") this.log.show();
      else if (chosen && again) await vscode.commands.executeCommand(again);
    });
  }

  private async tellWithoutPython(problems: readonly string[]): Promise<void> {
    const told = problems.some((each) => each.includes("ensurepip")) ? " A Python is there, but cannot make environments: on Debian and Ubuntu, install python3-venv." : "";
    const chosen = await vscode.window.showErrorMessage(`Whence needs Python 3.11 or newer.${told}`, "Choose Python…", "Get Python", "Show Logs");
    if (chosen === "Choose Python…") await vscode.commands.executeCommand("workbench.action.openSettings", "whence.python.path");
    else if (chosen === "Get Python") await vscode.env.openExternal(vscode.Uri.parse(LEARN));
    else if (chosen) this.log.show();
  }

  private own(): Promise<Environment> {
    this.environment ??= readCargo(join(this.extension.extensionPath, "server"))
      .then((cargo) => new Environment(this.extension.globalStorageUri.fsPath, cargo, this.log))
      .catch((error: unknown) => {
        this.environment = undefined;
        throw error instanceof SetupError ? new NoServerError(error.message, false) : error;
      });
    return this.environment;
  }
}

/** How packages are fetched, as the settings have it. */
function options(): Options {
  return {
    wheelhouse: text("wheelhouse"),
    indexUrl: text("pip.indexUrl"),
    proxy: vscode.workspace.getConfiguration("http").get<string>("proxy") ?? "",
  };
}
