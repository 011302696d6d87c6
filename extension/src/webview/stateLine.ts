// The line of a view that says what is under way or wrong, with what mends it.
import type { PanelCommand, PanelState } from "../messages";
import { icon, make, textButton } from "./nodes";

export function showState(line: HTMLElement, { kind, text, action }: PanelState, run: (command: PanelCommand) => void): void {
  line.replaceChildren();
  line.className = kind;
  if (!text) return;
  line.append(icon(kind === "busy" ? "loading codicon-modifier-spin" : "warning"), make("span", {}, text));
  if (action) line.append(textButton(action.title, () => run(action.command), "primary"));
}
