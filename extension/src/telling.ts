// What the user is told, and what others wrote in it: names, quotations and settings of a repository never become markup.
import * as vscode from "vscode";

const PENDING_RESPONSE_REJECTED = -32097; // ErrorCodes of vscode-jsonrpc: the connection went while an answer was due

/** Text in a notification: the editor would make a link of `[x](command:…)`, and run it. Pure. */
export function unlinked(text: string): string {
  return text.replaceAll("](", "] (");
}

/** Text in Markdown, where a picture would be fetched from its address. Pure. */
export function escaped(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/[\\`*_[\]<>&]/g, "\\$&");
}

/** The message of an error. Pure. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === PENDING_RESPONSE_REJECTED) return "The server ended before it had answered";
  return error instanceof Error ? error.message : String(error);
}

/** Whether the folders that are open are trusted; where not, that is told, with what it means. */
export async function isTrusted(otherwise: string): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  const chosen = await vscode.window.showWarningMessage(`Whence: this folder is not trusted: ${otherwise}.`, "Manage Trust");
  if (chosen) await vscode.commands.executeCommand("workbench.trust.manage");
  return vscode.workspace.isTrusted;
}

/** Tell what went wrong, with a way to learn more. */
export async function warn(message: string, log: vscode.LogOutputChannel): Promise<void> {
  if (await vscode.window.showWarningMessage(`Whence: ${unlinked(message)}`, "Show Logs")) log.show();
}
