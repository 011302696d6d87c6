// The training view's page: shows what the extension tells it, and tells what is pressed.
import type { PanelCommand } from "../messages";
import type { Training } from "../protocol";
import type { FromTraining, ToTraining } from "../trainingMessages";
import { make, part } from "./nodes";
import { showState } from "./stateLine";
import { type Kept, SECTIONS } from "./trainingView";

const vscode = acquireVsCodeApi();
const send = (message: FromTraining): void => vscode.postMessage(message);
const run = (command: PanelCommand): void => send({ type: "run", command });

const main = part("training");
const state = part("state");
const said = part("said");
const kept: Kept = { drafts: new Map(), open: new Set(), most: 20, installs: false };
const drawn = new Map<string, { readonly of: string; readonly node: HTMLElement }>();

window.addEventListener("message", ({ data }: MessageEvent<ToTraining>) => {
  switch (data.type) {
    case "training":
      { draw(data.training, data.roots, data.installs); return; }
    case "state":
      { showState(state, data.state, run); return; }
    case "said":
      said.textContent = data.text;
      said.className = "toast";
      window.setTimeout(() => (said.className = "hidden-text"), 2500);
  }
});
send({ type: "ready" });

/** Sections that show the same as before stay as they are, with the cursor in them. */
function draw(training: Training, roots: readonly string[], installs: boolean): void {
  kept.installs = installs;
  place("roots", [roots, training.root], () => rootChoice(roots, training.root));
  for (const [name, { of, draw }] of Object.entries(SECTIONS)) place(name, of(training), () => draw(training, send, kept));
}

function place(name: string, of: unknown, make: () => HTMLElement): void {
  const told = JSON.stringify(of);
  const before = drawn.get(name);
  if (before?.of === told) return;
  const node = make();
  if (before) before.node.replaceWith(node);
  else main.append(node);
  drawn.set(name, { of: told, node });
}

/** Which repository is shown, where there are several. */
function rootChoice(roots: readonly string[], shown: string): HTMLElement {
  const choice = make("select", { "aria-label": "Repository" }, ...roots.map((root) => make("option", { value: root, selected: root === shown }, decodeURIComponent(root.split("/").at(-1) ?? root))));
  choice.hidden = roots.length < 2;
  choice.addEventListener("change", () => send({ type: "root", root: choice.value }));
  return choice;
}
