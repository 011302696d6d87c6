// Bringing models here and choosing which one answers, by the server's own command line; nothing comes without a yes.
import * as vscode from "vscode";
import * as v from "valibot";
import { type Ended, run } from "./processes";
import type { Setup } from "./setup";

const Installed = v.object({
  models: v.array(v.object({ name: v.string(), version: v.string(), roles: v.array(v.string()), size_bytes: v.number(), memory_bytes: v.nullable(v.number()), quantization: v.nullable(v.string()) })),
});
const Offers = v.object({ offers: v.array(v.object({ name: v.string(), versions: v.array(v.string()), aliases: v.record(v.string(), v.string()) })) });

/** Let one of the models that are here answer, or none. */
export async function chooseModel(setup: Setup, log: vscode.LogOutputChannel): Promise<void> {
  const { models } = v.parse(Installed, JSON.parse((await whence(setup, log, ["models", "list", "--json"])).stdout));
  const none = { label: "Quotations only", description: "no model, no memory", value: "none" };
  const items = models.map((model) => ({
    label: `${model.name} ${model.version}`,
    description: [model.roles.join(", "), model.quantization, `${size(model.size_bytes)} on disk`, model.memory_bytes ? `${size(model.memory_bytes)} of memory` : ""].filter(Boolean).join(" · "),
    value: `${model.name}@${model.version}`,
  }));
  const fetch = { label: "$(cloud-download) Pull a Model…", description: "", value: "" };
  const chosen = await vscode.window.showQuickPick([none, ...items, fetch], { title: "Whence: Which model writes answers?", placeHolder: "Quotations need no model; a model writes sentences from them" });
  if (chosen === fetch) await pullModel(setup, log);
  else if (chosen) {
    await whence(setup, log, ["models", "use", chosen.value]);
    await told(`${chosen.label} answers from the next start on.`);
  }
}

/** Fetch a model of a registry, or a file of Hugging Face, with progress that can be stopped; it resumes. */
export async function pullModel(setup: Setup, log: vscode.LogOutputChannel): Promise<void> {
  const from = await vscode.window.showInputBox({
    title: "Whence: Pull a Model (1/2)",
    prompt: "A registry: a folder, https://…, s3://… or hf://OWNER/NAME; or a file: hf://OWNER/NAME/FILE.gguf",
    ignoreFocusOut: true,
    validateInput: (value) => (value.trim() ? undefined : "Where does it come from?"),
  });
  if (!from) return;
  const place = from.trim();
  const name = place.endsWith(".gguf") ? place : await offered(setup, log, place);
  if (!name) return;
  const shown = { location: vscode.ProgressLocation.Notification, title: `Pulling ${name}`, cancellable: true };
  const args = ["models", "pull", name, ...(name === place ? [] : ["--from", place])];
  const done = await vscode.window.withProgress(shown, async (progress, token) => {
    await whence(setup, log, args, (message) => progress.report({ message }), token);
    return !token.isCancellationRequested;
  });
  if (done && (await vscode.window.showInformationMessage(`Whence: ${name} is here.`, "Use It"))) {
    await whence(setup, log, ["models", "use", name]);
    await told(`${name} answers from the next start on.`);
  }
}

export async function rollBackModel(setup: Setup, log: vscode.LogOutputChannel): Promise<void> {
  await whence(setup, log, ["models", "rollback"]);
  await told("The model before answers from the next start on.");
}

async function offered(setup: Setup, log: vscode.LogOutputChannel, from: string): Promise<string | undefined> {
  const { offers } = v.parse(Offers, JSON.parse((await whence(setup, log, ["models", "list", "--json", "--from", from])).stdout));
  const items = offers.flatMap(({ name, versions, aliases }) => versions.map((version) => ({ label: `${name}@${version}`, description: Object.entries(aliases).filter(([, named]) => named === version).map(([alias]) => alias).join(", ") })));
  return (await vscode.window.showQuickPick(items, { title: "Whence: Pull a Model (2/2)" }))?.label;
}

async function whence(setup: Setup, log: vscode.LogOutputChannel, args: readonly string[], line?: (text: string) => void, token?: vscode.CancellationToken): Promise<Ended> {
  const program = await setup.program();
  const ended = await run({ ...program, args: [...program.args, ...args] }, (text) => {
    log.debug(text);
    line?.(text);
  }, token);
  if (ended.code !== 0 && !token?.isCancellationRequested) throw new Error((ended.tail.at(-1) ?? "it failed").replace(/^whence: /, ""));
  return ended;
}

async function told(text: string): Promise<void> {
  if (await vscode.window.showInformationMessage(`Whence: ${text}`, "Restart Server")) await vscode.commands.executeCommand("whence.restart");
}

/** `1.2 GB`. */
export function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
