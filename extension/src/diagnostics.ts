// What is right and what is wrong, for the user and for a report of a fault: without paths, addresses, names or questions.
import { homedir } from "node:os";
import * as vscode from "vscode";
import type { Parts } from "./commands";
import { run } from "./processes";
import { findPython } from "./python";
import type { State } from "./server";
import { CLIENT_DEFAULTS, serverSettings, text } from "./settings";
import { escaped, messageOf } from "./telling";

/** So long the doctor waits for a server that is being started; one that is set up first takes longer. */
const STARTS_WITHIN_MS = 30_000;

interface Check {
  readonly what: string;
  readonly problem: string | undefined;
  readonly fix?: string;
}

/** Each thing that must be right, and what mends it. */
export async function diagnosis(parts: Parts): Promise<string> {
  const rows = (await checks(parts)).map(({ what, problem, fix }) => `- ${problem ? "✗" : "✓"} ${escaped([what, ...(problem ? [problem] : [])].join(": "))}${problem && fix ? `. ${escaped(fix)}` : ""}`);
  return `# Whence: doctor\n\n${rows.join("\n")}\n`;
}

/** The same with versions and settings, fit to be shown to others. */
export async function report(parts: Parts): Promise<string> {
  const { extension } = parts;
  const told = {
    whence: String((extension.extension.packageJSON as { version?: unknown }).version),
    editor: `${vscode.env.appName} ${vscode.version}`,
    system: `${process.platform} ${process.arch}`,
    remote: vscode.env.remoteName ?? "none",
    trusted: vscode.workspace.isTrusted,
    folders: vscode.workspace.workspaceFolders?.length ?? 0,
    state: parts.server.state.kind,
    settings: settingsTold(),
    index: await indexNumbers(parts),
  };
  const about = `Look at it before you pass it on. Folders, addresses and questions are left out.`;
  return redacted(`# Whence: diagnostics\n\n${about}\n\n${await diagnosis(parts)}\n\`\`\`json\n${JSON.stringify(told, null, 2)}\n\`\`\`\n`, folders());
}

async function checks(parts: Parts): Promise<Check[]> {
  const { server, setup, log } = parts;
  const own = text("server.path") ? undefined : await setup.examine().catch((error: unknown) => ({ problem: messageOf(error) }));
  const python = own ? await findPython(log) : undefined;
  if (server.state.kind === "off" && vscode.workspace.workspaceFolders?.length) void server.connection().catch(() => undefined); // its state tells
  const state = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Whence: examining" }, () => server.settled(STARTS_WITHIN_MS));
  return [
    { ...(await program("git on PATH", "git")), fix: "Install git" },
    ...(python ? [{ what: "path" in python ? `Python ${python.version} (${python.from})` : "Python 3.11 or newer", problem: "path" in python ? undefined : python.join("; "), fix: "Set whence.python.path" }] : []),
    own ? { what: "environment of the extension", problem: own.problem, fix: "Run “Whence: Repair Environment”" } : await program("server of the setting whence.server.path", text("server.path")),
    serverCheck(state),
    ...(state.kind === "running" ? await serverChecks(parts) : []),
  ];
}

/** What its state means to a person. */
export function serverCheck(state: State): Check {
  const what = "server";
  switch (state.kind) {
    case "running":
      return { what, problem: undefined };
    case "off":
      return { what, problem: "not started", fix: "It is when a folder with code is open, or with “Whence: Restart Server”" };
    case "starting":
      return { what, problem: `still starting (${state.detail})`, fix: "Look again later" };
    case "failed":
      return { what, problem: state.detail, fix: state.setup ? "Run “Whence: Set Up”" : "Run “Whence: Restart Server”; its log says more" };
  }
}

/** What the server finds, of this machine and of each repository; those have numbers, as a report names none. */
async function serverChecks({ requests }: Parts): Promise<Check[]> {
  const { checks } = await requests.doctor();
  const roots = [...new Set(checks.map(({ root }) => root))].filter((root) => root !== null);
  return checks.map(({ what, problem, fix, root }) => ({
    what: root !== null && roots.length > 1 ? `repository ${roots.indexOf(root) + 1}: ${what}` : what,
    problem: problem ?? undefined,
    fix: what === "index" ? "Run “Whence: Re-index”" : what === "what runs models" && !text("server.path") ? "Run “Whence: Use Model”, which installs it" : (fix ?? ""),
  }));
}

async function indexNumbers({ requests, server }: Parts): Promise<unknown> {
  if (server.state.kind !== "running") return null;
  const { roots } = await requests.status();
  return roots.map(({ index, indexing, paused }) => ({ files: index?.files, commits: index?.commits, threads: index?.threads, bytes: index?.index_bytes, schema: index?.schema, indexing, paused }));
}

/** What is set; of texts, which may be paths, addresses and names, only that they are, unless they are words of our own. */
export function settingsTold(): Record<string, unknown> {
  const keys = Object.keys(CLIENT_DEFAULTS).filter((key): key is "server.path" => key !== "chat.enabled");
  const set = { ...serverSettings(), ...Object.fromEntries(keys.flatMap((key) => (text(key) ? [[key, text(key)]] : []))) };
  const isPlain = (value: unknown): boolean => typeof value === "boolean" || typeof value === "number" || ["auto", "none", "mark", "drop"].includes(value as string);
  return Object.fromEntries(Object.entries(set).map(([key, value]) => [key, isPlain(value) ? value : "set"]));
}

/** Whether a program can be run, with what it says of its version, or why not. */
export async function program(what: string, command: string): Promise<Check> {
  try {
    const { code, tail } = await run({ command, args: ["--version"], withinMs: STARTS_WITHIN_MS });
    const said = tail.at(-1);
    return code === 0 ? { what: said ? `${what}: ${said}` : what, problem: undefined } : { what, problem: said ?? "it fails" };
  } catch {
    return { what, problem: "not there" };
  }
}

function folders(): string[] {
  return [...(vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath), homedir()];
}

/** Without these folders, other absolute paths, addresses of the web and mail addresses. Pure. */
export function redacted(report: string, folders: readonly string[]): string {
  const named = folders.filter((folder) => folder.length > 1).reduce((text, folder) => text.replaceAll(folder, "…"), report);
  return named
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`),]+/gi, "‹address›")
    .replace(/[\w.+-]+@(?:[\w-]+\.)+(?:[a-z]{2,}|xn--[\w-]+)(?![a-z\d])/gi, "‹mail›") // of name@1.0 the end is no word
    .replace(/(?<![\w.…])(?:[A-Za-z]:)?[\\/](?:[^\s\\/"'`:]+[\\/])+([^\s\\/"'`:]*)/g, "…/$1");
}
