// What the training view and the extension tell each other.
import * as v from "valibot";
import { type PanelState, PANEL_COMMANDS } from "./messages";
import type { Training } from "./protocol";

/** To the view. `roots` are the open repositories; `installs` is whether the extension can install what is missing. */
export type ToTraining =
  | { readonly type: "training"; readonly training: Training; readonly roots: readonly string[]; readonly installs: boolean }
  | { readonly type: "state"; readonly state: PanelState }
  | { readonly type: "said"; readonly text: string };

/** From the view: read by this schema before anything is done. */
export const FromTraining = v.variant("type", [
  v.object({ type: v.literal("ready") }),
  v.object({ type: v.literal("root"), root: v.string() }),
  v.object({ type: v.literal("open"), example: v.string() }),
  v.object({ type: v.literal("fix"), id: v.string(), text: v.string() }),
  v.object({ type: v.literal("delete"), id: v.string() }),
  v.object({ type: v.literal("start"), anyway: v.boolean() }),
  v.object({ type: v.literal("stop") }),
  v.object({ type: v.literal("deploy"), run: v.string() }),
  v.object({ type: v.literal("export"), run: v.string() }),
  v.object({ type: v.literal("rollBack") }),
  v.object({ type: v.literal("copy"), text: v.string() }),
  v.object({ type: v.literal("run"), command: v.picklist(PANEL_COMMANDS) }),
]);
export type FromTraining = v.InferOutput<typeof FromTraining>;
