// The settings, typed. Those of the server have the names and defaults of docs/protocol.md, which a test compares.
import * as vscode from "vscode";
import type { ServerSettings } from "./protocol";

export const SERVER_DEFAULTS: ServerSettings = {
  hover: true,
  codeLens: false,
  links: true,
  index: true,
  history: true,
  model: "auto",
  unsupported: "mark",
  minTrainingExamples: 20,
  trainingConfig: "",
};

/** Settings of the extension itself. The first four name programs and addresses: no repository may set them. */
export const CLIENT_DEFAULTS = {
  "server.path": "",
  "python.path": "",
  wheelhouse: "",
  "pip.indexUrl": "",
  "chat.enabled": true,
} as const;

type ClientKey = keyof typeof CLIENT_DEFAULTS;

/** What somebody set of the server's settings; what nobody set is left to the repository's `whence.toml`.
 *
 * In a folder that is not trusted quotations answer: what stands in it is put before no model. */
export function serverSettings(): Partial<Record<keyof ServerSettings, unknown>> {
  const set: Partial<Record<keyof ServerSettings, unknown>> = {};
  const section = vscode.workspace.getConfiguration("whence");
  for (const key of Object.keys(SERVER_DEFAULTS) as (keyof ServerSettings)[]) {
    const told = section.inspect<unknown>(key);
    const value = told?.workspaceValue ?? told?.globalValue;
    if (value !== undefined) set[key] = value;
  }
  return vscode.workspace.isTrusted ? set : { ...set, model: "none", trainingConfig: "" };
}

/** A text setting of the extension, "" where it is not set. */
export function text(key: Exclude<ClientKey, "chat.enabled">): string {
  const value = vscode.workspace.getConfiguration("whence").get<unknown>(key);
  return typeof value === "string" ? value.trim() : "";
}

export function chatEnabled(): boolean {
  return vscode.workspace.getConfiguration("whence").get<unknown>("chat.enabled") !== false;
}
