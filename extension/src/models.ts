// Choosing what writes answers, and bringing models here. Sizes and memory are told before; nothing comes without a yes.
import * as vscode from "vscode";
import type { Models } from "./protocol";
import type { Requests } from "./requests";
import type { Server } from "./server";
import type { Setup } from "./setup";
import { isTrusted } from "./telling";

interface Parts {
  readonly requests: Requests;
  readonly server: Server;
  readonly setup: Setup;
}

export interface Choice extends vscode.QuickPickItem {
  /** What is to be used; `none` for quotations. */
  readonly model?: string;
  /** It must be fetched before. */
  readonly fetched?: boolean;
}

/** Let one of the models that are here answer, or none, or fetch one. */
export async function chooseModel(parts: Parts): Promise<void> {
  const root = await repositoryMeant(parts.requests);
  const told = await parts.requests.models({ root });
  const elsewhere: Choice = { label: "$(link) From Elsewhere…", description: "a registry, a folder or a file of Hugging Face" };
  const chosen = await vscode.window.showQuickPick([...choices(told), elsewhere], {
    title: "Whence: What Writes Answers?",
    placeHolder: "Quotations are there at once; a model writes sentences from them, on this machine",
    matchOnDescription: true,
  });
  if (chosen === elsewhere) await pullModel(parts);
  else if (chosen?.model) {
    const model = chosen.fetched ? await fetchModel(parts, chosen.model) : chosen.model;
    if (model) await useModel(parts, model, told, root);
  }
}

/** Fetch a model of a registry, or a file of Hugging Face, with progress that can be stopped; it resumes. */
export async function pullModel(parts: Parts): Promise<void> {
  const from = await vscode.window.showInputBox({
    title: "Whence: Pull a Model",
    prompt: "A registry: a folder, https://…, s3://… or hf://OWNER/NAME; or a file: hf://OWNER/NAME/FILE.gguf",
    ignoreFocusOut: true,
    validateInput: (value) => (value.trim() ? undefined : "Where does it come from?"),
  });
  const place = from?.trim();
  if (!place) return;
  const [root, isFile] = [await repositoryMeant(parts.requests), place.endsWith(".gguf")];
  const told = await parts.requests.models({ root, ...(!isFile && { registry: place }) });
  const wanted = isFile ? place : await vscode.window.showQuickPick(offersOf(told), { title: `Whence: Models of ${place}` });
  const model = wanted && (await fetchModel(parts, wanted, isFile ? undefined : place));
  if (model && (await vscode.window.showInformationMessage(`Whence: ${model} is here.`, "Use It"))) await useModel(parts, model, told, root);
}

export async function rollBackModel({ requests }: Parts): Promise<void> {
  const root = await repositoryMeant(requests);
  const { own } = await requests.models({ root });
  const { champion } = await requests.rollBackModel(own ? { root } : {});
  void vscode.window.showInformationMessage(`Whence: ${champion ?? "quotations"} from the next question on.`);
}

/** The name and version of what is here now; undefined where somebody stopped it. */
async function fetchModel({ requests, server }: Parts, model: string, registry?: string): Promise<string | undefined> {
  const shown = { location: vscode.ProgressLocation.Notification, title: `Whence: fetching ${model}`, cancellable: true };
  return vscode.window.withProgress(shown, async (progress, token) => {
    let before = 0;
    const listening = server.onDidProgress((runs) => {
      const run = runs.find(({ title }) => title === shown.title);
      if (!run) return;
      progress.report({ message: run.message, increment: (run.percentage ?? before) - before });
      before = run.percentage ?? before;
    });
    try {
      return labelOf(await requests.pullModel({ model, ...(registry && { registry }) }, token));
    } catch (error) {
      if (token.isCancellationRequested) return undefined;
      throw error;
    } finally {
      listening.dispose();
    }
  });
}

async function useModel({ requests, setup }: Parts, model: string, { setting, can_run: canRun, own }: Models, root: string | undefined): Promise<void> {
  if (!(await isTrusted("in it quotations answer"))) return;
  if (model !== "none" && !canRun && !(await setup.add("model"))) return;
  const place = own ? await placeOf() : "everywhere";
  if (!place) return;
  await requests.useModel({ model, ...(place === "here" && { root }) });
  if (own && place === "everywhere") await requests.useModel({ model: "auto", root });
  if (setting === "auto") {
    void vscode.window.showInformationMessage(`Whence: ${model === "none" ? "quotations" : model} from the next question on.`);
    return;
  }
  const chosen = await vscode.window.showWarningMessage(`Whence: the setting whence.model says “${setting}”, which comes before what is chosen here.`, "Open Settings");
  if (chosen) await vscode.commands.executeCommand("workbench.action.openSettings", "whence.model");
}

/** Asked where a repository has a choice of its own, which comes before that of everywhere. */
async function placeOf(): Promise<"here" | "everywhere" | undefined> {
  const places = [
    { label: "In This Repository", description: "which has a choice of its own", place: "here" },
    { label: "Everywhere", description: "and this repository follows from now on", place: "everywhere" },
  ] as const;
  return (await vscode.window.showQuickPick(places, { title: "Whence: Where Does It Answer?" }))?.place;
}

/** The repository of the file that is looked at, else the first one that is open. */
async function repositoryMeant(requests: Requests): Promise<string | undefined> {
  const roots = (await requests.status()).roots.map(({ root }) => root);
  const file = vscode.window.activeTextEditor?.document.uri.toString();
  return roots.findLast((root) => file?.startsWith(`${root}/`)) ?? roots[0];
}

/** What can answer: quotations, what is here, what can be fetched. Pure. */
export function choices({ models, presets, roles }: Models): Choice[] {
  const used = (label: string | null): string => (roles.champion === label ? "$(check) " : "");
  const here = models.map((model): Choice => {
    const label = labelOf(model);
    const facts = [model.quantization, `${size(model.size_bytes)} on disk`, model.memory_bytes ? `${size(model.memory_bytes)} of memory` : ""];
    return { label: `${used(label)}${label}`, description: facts.filter(Boolean).join(", "), model: label };
  });
  const known = new Set(models.map(({ name }) => name));
  const there = presets
    .filter(({ name }) => !known.has(name))
    .map(({ name, size: large, memory, about }): Choice => ({ label: name, description: `${large} GB to fetch from Hugging Face, ${memory} GB of memory; ${about}`, model: name, fetched: true }));
  return [
    { label: `${used(null)}Quotations`, description: "no model, no memory", model: "none" },
    ...here,
    { label: "Can be fetched", kind: vscode.QuickPickItemKind.Separator },
    ...there,
  ];
}

function offersOf({ offers }: Models): string[] {
  return offers.flatMap(({ name, versions }) => versions.map((version) => `${name}@${version}`));
}

function labelOf({ name, version }: Models["models"][number]): string {
  return `${name}@${version ?? ""}`;
}

/** `1.2 GB`. */
export function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
