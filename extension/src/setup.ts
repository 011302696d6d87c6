// What to start: the program of the setting, else the extension's own environment, which is set up when somebody says so.
import { join } from "node:path";
import * as vscode from "vscode";
import type { Executable } from "./connection";
import { Environment, type Extra, type Options, readCargo, SetupError } from "./environment";
import { findPython } from "./python";
import { NoServerError } from "./server";
import { text } from "./settings";

const ASKED = "whence.setUpAsked";
const LEARN = "https://www.python.org/downloads/";

export class Setup {
  private under: Promise<boolean> | undefined;
  private environment: Promise<Environment> | undefined;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** How `whence` is called; its arguments come after these. Throws `NoServerError`. */
  async program(tell: (detail: string) => void = () => undefined): Promise<Executable> {
    const set = text("server.path");
    if (set) return { command: set, args: [] };
    if (this.under) {
      tell("Setting up Whence");
      await this.under;
    }
    const environment = await this.own();
    if (!(await environment.isThere())) throw new NoServerError("Whence is not set up yet: it needs a Python environment of its own.", true);
    void environment.use().catch((error: unknown) => this.log.debug(String(error)));
    return { command: environment.python, args: ["-I", "-m", "whence_server"] };
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
      return !(await (await this.own()).isThere());
    } catch {
      return false; // there is nothing to install
    }
  }

  /** Offer it, once for each version of the server. */
  async offer(): Promise<void> {
    const { folder } = await this.own();
    if (this.extension.globalState.get(ASKED) === folder) return;
    await this.extension.globalState.update(ASKED, folder);
    const before = this.extension.globalState.get<boolean>("whence.wasSetUp") === true;
    const question = before
      ? "Whence was updated: its Python environment is made anew."
      : "Whence needs a Python environment of its own: some 600 MB in the extension's folder, made once. Nothing else of your machine changes.";
    const chosen = before ? "Set Up" : await vscode.window.showInformationMessage(question, "Set Up", "Not Now");
    if (chosen === "Set Up") await vscode.commands.executeCommand("whence.setUp");
  }

  /** Set it up where it does not work, or `anew`, with progress that can be stopped. Whether it works then. */
  setUp(anew = false): Promise<boolean> {
    this.under ??= this.make(anew).finally(() => (this.under = undefined));
    return this.under;
  }

  /** Ask for, and install, what runs models; whether it is there then. */
  addModels(): Promise<boolean> {
    return this.add("model", "A model is run by llama.cpp, which is compiled on this machine: some minutes, once; it needs a C++ compiler.", "whence.useModel");
  }

  /** The same of what trains models. */
  addTraining(): Promise<boolean> {
    return this.add("training", "Training needs PyTorch and others: some gigabytes in the extension's folder, once.", "whence.installTraining");
  }

  private async add(extra: Extra, question: string, again: string): Promise<boolean> {
    if (text("server.path")) {
      void vscode.window.showWarningMessage(`Whence: the server of whence.server.path was installed by you: add the extra “${extra}” there.`, "Run Doctor").then((chosen) => {
        if (chosen) void vscode.commands.executeCommand("whence.doctor");
      });
      return false;
    }
    if ((await vscode.window.showInformationMessage(`Whence: ${question}`, { modal: true }, "Install")) !== "Install") return false;
    const environment = await this.own();
    return this.shown("Whence: installing", again, (tell, token) => environment.add(extra, options(), tell, token));
  }

  /** Its folder and what is wrong with it, for the doctor. */
  async examine(): Promise<{ readonly folder: string; readonly problem: string | undefined }> {
    const environment = await this.own();
    return { folder: environment.folder, problem: await environment.problem() };
  }

  private async make(anew: boolean): Promise<boolean> {
    const environment = await this.own();
    if (!anew && !(await environment.problem())) return true;
    const python = await findPython(this.log);
    if (!("path" in python)) {
      this.log.error(`No Python will do:\n  ${python.join("\n  ")}`);
      await this.tellWithoutPython(python);
      return false;
    }
    const made = await this.shown("Setting up Whence", anew ? "whence.repair" : "whence.setUp", (tell, token) => environment.make(python, options(), tell, token, anew));
    if (made) await this.extension.globalState.update("whence.wasSetUp", true);
    return made;
  }

  /** Do it with progress that can be stopped; whether it was done. What fails is told, with `again` to try once more. */
  private async shown(title: string, again: string, work: (tell: (message: string) => void, token: vscode.CancellationToken) => Promise<void>): Promise<boolean> {
    try {
      const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
      await vscode.window.withProgress(options, (progress, token) => work((message) => progress.report({ message }), token));
      return true;
    } catch (error) {
      const problem = error instanceof SetupError ? error.message : String(error);
      this.log.error(problem);
      void vscode.window.showErrorMessage(`Whence: ${problem}`, "Show Logs", "Try Again").then(async (chosen) => {
        if (chosen === "Show Logs") this.log.show();
        else if (chosen) await vscode.commands.executeCommand(again);
      });
      return false;
    }
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
