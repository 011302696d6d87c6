// What is told of the index and of the doctor's visit: documents that can be read and never ask to be saved.
import * as vscode from "vscode";

const SCHEME = "whence-report";
const LOOKS = 20;

export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registered = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? "";
  }

  /** Show Markdown as it reads, or, where it is to be copied, as it is written. */
  async show(title: string, content: string, as: "read" | "written" = "read"): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.md` });
    this.texts.set(uri.path, content);
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    for (let looks = 0; document.getText() !== content && looks < LOOKS; looks++) await new Promise((resolve) => setTimeout(resolve, 50)); // it says what it said before
    // Not looked up among the commands: that of an extension is listed only once it has been used. Locked: else it shows the next document's text.
    if (as === "read" && (await vscode.commands.executeCommand("markdown.showPreview", uri, undefined, { locked: true }).then(() => true, () => false))) return;
    await vscode.window.showTextDocument(document, { preview: true });
  }

  dispose(): void {
    this.registered.dispose();
    this.changed.dispose();
    this.texts.clear();
  }
}
