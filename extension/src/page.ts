// The page of a view: nothing but our own script and styles run or load, and nothing is fetched from anywhere.
import { randomBytes } from "node:crypto";
import type * as vscode from "vscode";
import { Uri } from "vscode";

/** `script` names the bundle in `folder`, `body` is what the page begins with, and `styles` are its own besides those of all. */
export function page(webview: vscode.Webview, folder: vscode.Uri, script: string, body: string, styles: readonly string[] = []): string {
  const nonce = randomBytes(16).toString("base64url");
  const at = (name: string): string => webview.asWebviewUri(Uri.joinPath(folder, name)).toString();
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${webview.cspSource}; font-src ${webview.cspSource}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${["codicon.css", "style.css", ...styles].map((name) => `<link rel="stylesheet" href="${at(name)}">`).join("\n")}
<title>Whence</title>
</head>
<body>
${body}
<div id="said" role="status" aria-live="polite" class="hidden-text"></div>
<script nonce="${nonce}" src="${at(`${script}.js`)}"></script>
</body>
</html>`;
}
