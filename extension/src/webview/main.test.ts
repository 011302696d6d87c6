// @vitest-environment jsdom
// The panel's page as a whole, for those who use it by the keyboard or hear it read.
import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { anAnswer } from "../answer.fake";
import { answered, begin, extended, type Turn } from "../conversation";
import type { FromPanel, ToPanel } from "../messages";
import { make } from "./nodes";

const said: FromPanel[] = [];
const tell = (data: ToPanel): boolean => window.dispatchEvent(new MessageEvent("message", { data }));
const turn = (given: Turn): boolean => tell({ type: "turn", turn: given });
const named = (label: string): HTMLElement => document.querySelector<HTMLElement>(`[aria-label="${label}"]`) as HTMLElement;
const done = answered(begin("t", "Why once?", undefined, 0), anAnswer);

beforeAll(async () => {
  Element.prototype.scrollIntoView = () => undefined; // jsdom has no screen
  vi.stubGlobal("acquireVsCodeApi", () => ({ postMessage: (message: FromPanel) => said.push(message), getState: () => undefined, setState: () => undefined }));
  for (const [id, tag] of Object.entries({ turns: "main", state: "div", form: "form", said: "div" } as const)) document.body.append(make(tag, { id }));
  await import("./main");
});
beforeEach(() => {
  tell({ type: "all", turns: [done], context: undefined, state: { kind: "ready", text: "" } });
  said.length = 0;
});

it("leaves the focus where it was when an answer is drawn anew", () => {
  named("Helpful").focus();
  named("Helpful").click();
  turn({ ...done, verdict: "up" });
  expect(document.activeElement).toBe(named("Helpful"));
  const [, chip] = document.querySelectorAll<HTMLElement>("[aria-label^='Source 1:']"); // the first is in the text
  chip?.focus();
  turn(done);
  expect(document.activeElement).toBe(document.querySelectorAll("[aria-label^='Source 1:']")[1]);
});

it("puts the cursor into the box for a correction, and back when it was kept", () => {
  named("Not helpful").focus();
  turn({ ...done, verdict: "down" });
  expect(document.activeElement).toBe(named("The right answer"));
  (document.activeElement as HTMLTextAreaElement).value = "Since 2.0";
  document.activeElement?.dispatchEvent(new Event("input", { bubbles: true }));
  turn({ ...done, verdict: "down" });
  expect((document.activeElement as HTMLTextAreaElement).value).toBe("Since 2.0");
  turn({ ...done, verdict: "correction" });
  expect(document.activeElement).toBe(named("Copy with citations"));
});

it("says why it does not ask while an answer is on its way, and keeps what was written", () => {
  turn(extended(begin("u", "And since when?", undefined, 1), "Since"));
  const field = named("Question about this repository") as HTMLTextAreaElement;
  field.value = "And who?";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  expect([document.getElementById("said")?.textContent, field.value, said]).toEqual(["An answer is on its way: Escape stops it", "And who?", []]);
});

it("reads out what a source quotes, and Escape closes that before it stops an answer", () => {
  turn(extended(begin("u", "And since when?", undefined, 1), "Since"));
  const chip = document.querySelector<HTMLElement>(".chip") as HTMLElement;
  chip.focus();
  expect(document.getElementById(chip.getAttribute("aria-describedby") ?? "")?.textContent).toContain("def charge():");
  const escape = (): boolean => chip.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  escape();
  expect(chip.hasAttribute("aria-describedby")).toBe(false);
  expect(said).toEqual([]);
  escape();
  expect(said).toEqual([{ type: "stop", turn: "u" }]);
});
