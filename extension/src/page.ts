// The page of a view: nothing but our own script and styles run or load, and nothing is fetched from anywhere. Both stand
// in the page itself, for each file that a page asks for goes a long way through the editor: the first paint waits for it.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type * as vscode from "vscode";
import { Uri } from "vscode";

/** `name` is that of the bundle in `folder`, `body` is what the page begins with, and `styles` are its own besides those of all. */
export async function page(webview: vscode.Webview, folder: vscode.Uri, name: string, body: string, styles: readonly string[] = []): Promise<string> {
  const read = (file: string): Promise<string> => readFile(join(folder.fsPath, file), "utf8");
  const [script, ...sheets] = await Promise.all([`${name}.js`, "codicon.css", "style.css", ...styles].map(read));
  const nonce = randomBytes(16).toString("base64url");
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; font-src ${webview.cspSource}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="${nonce}">${sheets.join("\n").replaceAll("./codicon.ttf", webview.asWebviewUri(Uri.joinPath(folder, "codicon.ttf")).toString())}</style>
<title>Whence</title>
</head>
<body>
${body}
<div id="said" role="status" aria-live="polite" class="hidden-text"></div>
<script nonce="${nonce}">${inline(script ?? "")}</script>
</body>
</html>`;
}

/** A script that HTML reads to its end: these begin a tag or a comment there. In strings and patterns it stays the same. */
function inline(script: string): string {
  return script.replaceAll("</script", "<\\/script").replaceAll("<!--", "\\x3C!--");
}
