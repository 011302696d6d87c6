// The questions of the panel and what became of them. Pure: who shows, asks or keeps them is elsewhere.
import * as v from "valibot";
import { Answer, Lines } from "./protocol";

/** What a question is about besides its words: lines of a file. */
export const Context = v.object({ ...Lines.entries, label: v.string() });
export type Context = v.InferOutput<typeof Context>;

export const Turn = v.object({
  id: v.string(),
  at: v.number(),
  question: v.string(),
  context: v.optional(Context),
  state: v.picklist(["waiting", "answering", "done", "stopped", "failed"]),
  text: v.string(),
  answer: v.optional(Answer),
  problem: v.optional(v.string()),
  verdict: v.optional(v.picklist(["up", "down", "correction"])),
});
export type Turn = v.InferOutput<typeof Turn>;

export const MOST_KEPT = 100;
const LONGEST_LABEL = 60;

export function begin(id: string, question: string, context: Context | undefined, at: number): Turn {
  return { id, at, question, state: "waiting", text: "", ...(context && { context }) };
}

/** The lines it is about, where its words do not name them. */
export function aboutOf({ question, context }: Turn): string | undefined {
  return context && !question.includes(context.label) ? context.label : undefined;
}

export function isOpen(turn: Turn): boolean {
  return turn.state === "waiting" || turn.state === "answering";
}

/** With a further piece of its text. What comes after the end is passed over. */
export function extended(turn: Turn, piece: string): Turn {
  return isOpen(turn) ? { ...turn, state: "answering", text: turn.text + piece } : turn;
}

export function answered(turn: Turn, answer: Answer): Turn {
  return isOpen(turn) ? { ...turn, state: "done", text: answer.answer, answer } : turn;
}

export function stopped(turn: Turn): Turn {
  return isOpen(turn) ? { ...turn, state: "stopped" } : turn;
}

export function failed(turn: Turn, problem: string): Turn {
  return isOpen(turn) ? { ...turn, state: "failed", problem } : turn;
}

/** The conversation that a follow-up goes on with: that of the last answer shown. */
export function conversationOf(turns: readonly Turn[]): string | undefined {
  return turns.findLast((turn) => turn.answer)?.answer?.conversation;
}

/** The kept turns with one more, or with one as it is now: the newest last, the oldest forgotten. */
export function remembered(kept: readonly Turn[], turn: Turn): Turn[] {
  return [...kept.filter((each) => each.id !== turn.id), turn].slice(-MOST_KEPT);
}

/** What was kept, without what cannot be read: another version may have written it. */
export function readTurns(kept: unknown): Turn[] {
  if (!Array.isArray(kept)) return [];
  return kept.flatMap((each) => {
    const turn = v.safeParse(Turn, each);
    return turn.success ? [turn.output] : [];
  });
}

/** `pay.py:4–7`, lines as people count them. A range that ends before the first column does not hold that line. */
export function contextOf({ uri, range }: Lines): Context {
  const name = decodeURIComponent(uri.slice(uri.lastIndexOf("/") + 1));
  const [first, last] = linesOf({ uri, range });
  const label = first === last ? `${name}:${first}` : `${name}:${first}–${last}`;
  return { uri, range, label: label.length > LONGEST_LABEL ? `…${label.slice(1 - LONGEST_LABEL)}` : label };
}

function linesOf({ range: { start, end } }: Lines): [number, number] {
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return [start.line + 1, last + 1];
}
