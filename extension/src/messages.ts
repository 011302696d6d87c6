// What the panel and the extension tell each other.
import * as v from "valibot";
import type { Context, Turn } from "./conversation";

/** What the panel says of the server. `action` is offered as a button. */
export interface PanelState {
  readonly kind: "ready" | "busy" | "problem";
  readonly text: string;
  readonly action?: { readonly command: PanelCommand; readonly title: string };
}

/** To the panel. */
export type ToPanel =
  | { readonly type: "all"; readonly turns: readonly Turn[]; readonly context: Context | undefined; readonly state: PanelState }
  | { readonly type: "turn"; readonly turn: Turn }
  | { readonly type: "piece"; readonly turn: string; readonly text: string }
  | { readonly type: "context"; readonly context: Context | undefined }
  | { readonly type: "state"; readonly state: PanelState }
  | { readonly type: "focus" }
  | { readonly type: "said"; readonly text: string };

export const PANEL_COMMANDS = ["whence.setUp", "whence.installTraining", "whence.useModel", "whence.showLogs", "whence.restart", "workbench.action.files.openFolder"] as const;
export type PanelCommand = (typeof PANEL_COMMANDS)[number];

/** From the panel: read by this schema before anything is done. */
export const FromPanel = v.variant("type", [
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("ask"), question: v.string() }),
  v.object({ type: v.literal("stop"), turn: v.string() }),
  v.object({ type: v.literal("open"), turn: v.string(), citation: v.number() }),
  v.object({ type: v.literal("link"), address: v.string() }),
  v.object({ type: v.literal("copy"), turn: v.string() }),
  v.object({ type: v.literal("again"), turn: v.string() }),
  v.object({ type: v.literal("judge"), turn: v.string(), verdict: v.picklist(["up", "down", "correction"]), text: v.optional(v.string()) }),
  v.object({ type: v.literal("withoutContext") }),
  v.object({ type: v.literal("run"), command: v.picklist(PANEL_COMMANDS) }),
]);
export type FromPanel = v.InferOutput<typeof FromPanel>;
