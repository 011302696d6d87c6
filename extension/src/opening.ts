// Opening what a citation names: lines in the editor, a commit as its diff, an issue on its page.
import * as vscode from "vscode";
import { isCommit, nameOf } from "./citations";
import type { Citation } from "./protocol";
import type { Reports } from "./reports";
import { warn } from "./telling";

/** What git's own extension offers of its interface, version 1; only what is used here. */
interface GitApi {
  getRepository(uri: vscode.Uri): GitRepository | null;
  openRepository(root: vscode.Uri): Promise<GitRepository | null>;
  toGitUri(uri: vscode.Uri, ref: string): vscode.Uri;
}
interface GitRepository {
  getCommit(ref: string): Promise<{ readonly hash: string; readonly message: string; readonly parents: readonly string[] }>;
  diffBetween(one: string, other: string): Promise<readonly GitChange[]>;
}
interface GitChange {
  readonly uri: vscode.Uri;
  readonly originalUri: vscode.Uri;
  readonly renameUri: vscode.Uri | undefined;
  readonly status: number;
}

/** The tree of no files: what the first commit is compared with. */
const NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const ADDED = [1, 7, 11];
const DELETED = [2, 6];
const MARKED_MS = 1500;

export interface Openers {
  readonly log: vscode.LogOutputChannel;
  readonly reports: Reports;
}

/** Open it; of a commit, what it did to the file `asked`, a URI, before all else. What cannot be opened is told. */
export async function openCitation(citation: Citation, root: string, { log, reports }: Openers, asked?: string): Promise<void> {
  try {
    if (citation.uri !== null) await openLines(vscode.Uri.parse(citation.uri, true), citation.start_line ?? 1, citation.end_line ?? citation.start_line ?? 1);
    else if (!isCommit(citation)) await openThread(citation, reports);
    else if (citation.commit !== null) await openCommit(citation.commit, vscode.Uri.parse(root, true), citation.url, asked);
  } catch (error) {
    log.warn(`${nameOf(citation)} could not be opened: ${String(error)}`);
    void warn(`${nameOf(citation)} could not be opened.`, log);
  }
}

async function openLines(uri: vscode.Uri, first: number, last: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const start = document.validatePosition(new vscode.Position(first - 1, 0));
  const end = document.lineAt(document.validatePosition(new vscode.Position(last - 1, 0))).range.end;
  const editor = await vscode.window.showTextDocument(document, { selection: new vscode.Range(start, start), preview: true });
  editor.revealRange(new vscode.Range(start, end), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  mark(editor, new vscode.Range(start, end));
}

/** Show for a moment which lines are meant. */
function mark(editor: vscode.TextEditor, range: vscode.Range): void {
  const shown = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    borderColor: new vscode.ThemeColor("editor.rangeHighlightBorder"),
  });
  editor.setDecorations(shown, [range]);
  setTimeout(() => shown.dispose(), MARKED_MS);
}

async function openThread(citation: Citation, reports: Reports): Promise<void> {
  if (citation.url !== null) {
    await vscode.env.openExternal(vscode.Uri.parse(citation.url, true));
    return;
  }
  await reports.show(`Issue ${nameOf(citation)}`, `${citation.quote}\n`, "written"); // as it is: others wrote it
}

/** All that a commit changed, the file `asked` first, beside what it was before; its page where git's own extension is off. */
async function openCommit(commit: string, root: vscode.Uri, url: string | null, asked: string | undefined): Promise<void> {
  const git = await gitApi();
  const repository = git && (git.getRepository(root) ?? (await git.openRepository(root)));
  if (!git || !repository) {
    if (url === null) throw new Error("the editor's own Git extension is off");
    await vscode.env.openExternal(vscode.Uri.parse(url, true));
    return;
  }
  const { hash, message, parents } = await repository.getCommit(commit);
  const before = parents[0] ?? NOTHING;
  const changes = await repository.diffBetween(before, hash);
  const files = ledBy(asked, changes).map((change) => {
    const now = change.renameUri ?? change.uri;
    const left = ADDED.includes(change.status) ? undefined : git.toGitUri(change.originalUri, before);
    const right = DELETED.includes(change.status) ? undefined : git.toGitUri(now, hash);
    return [now, left, right];
  });
  const subject = message.split("\n", 1)[0] ?? "";
  await vscode.commands.executeCommand("vscode.changes", `${hash.slice(0, 7)} ${subject}`, files);
}

/** The changes, that of this file first: the editor shows the first one. Pure. */
export function ledBy<C extends Pick<GitChange, "uri" | "renameUri">>(asked: string | undefined, changes: readonly C[]): readonly C[] {
  const isAsked = ({ uri, renameUri }: C): boolean => (renameUri ?? uri).toString() === asked;
  return [...changes.filter(isAsked), ...changes.filter((change) => !isAsked(change))];
}

async function gitApi(): Promise<GitApi | undefined> {
  const extension = vscode.extensions.getExtension<{ enabled: boolean; getAPI(version: 1): GitApi }>("vscode.git");
  const git = extension && (extension.isActive ? extension.exports : await extension.activate());
  return git?.enabled ? git.getAPI(1) : undefined;
}
