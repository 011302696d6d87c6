// @vitest-environment jsdom
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { anAnswer } from "../answer.fake";
import { answered, begin, extended, failed, stopped, type Turn } from "../conversation";
import type { FromPanel } from "../messages";

let turnView: typeof import("./turnView").turnView;
const said: FromPanel[] = [];
const asked = begin("t", "Why once?", undefined, 0);
const show = (turn: Turn): HTMLElement => turnView(turn, (message) => said.push(message));
const press = (box: HTMLElement, label: string): void => box.querySelector<HTMLElement>(`[aria-label="${label}"]`)?.click();

beforeAll(async () => {
  Element.prototype.scrollIntoView = () => undefined; // jsdom has no screen
  ({ turnView } = await import("./turnView"));
});
beforeEach(() => {
  said.length = 0;
});

describe("an answer in the panel", () => {
  it("has a chip for each source, which opens it", () => {
    const box = show(answered(asked, anAnswer));
    expect([...box.querySelectorAll(".chip .name")].map((each) => each.textContent)).toEqual(["pay.py:4–6", "1a2b3c4 “Charge cards once”", "#7"]);
    press(box, "Source 2: commit 1a2b3c4");
    expect(said).toEqual([{ type: "open", turn: "t", citation: 2 }]);
  });

  it("says who wrote it, how sure that is, and what was not looked at", () => {
    const { textContent } = show(answered(asked, { ...anAnswer, partial: true })).querySelector(".facts") as HTMLElement;
    expect(textContent).toBe("Quotations · confidence 83% · 0.2 sThe index is being made: not all was searched");
  });

  it("to a question of pages is not pushed off the screen by it", () => {
    expect(show(answered({ ...asked, question: "Why? ".repeat(900) }, anAnswer)).querySelector("details:not([open]) > summary .question")).not.toBeNull();
    expect(show(asked).querySelector("details")).toBeNull();
  });

  it("that is none looks different, also for those who do not see it", () => {
    const box = show(answered(asked, { ...anAnswer, abstained: true }));
    expect(box.classList.contains("abstained")).toBe(true);
    expect(box.querySelector(".verdict")?.textContent).toContain("No clear answer");
  });

  it("is busy while it comes, and can be asked again when it was stopped or failed", () => {
    expect(show(extended(asked, "Becau")).getAttribute("aria-busy")).toBe("true");
    expect(show(stopped(asked)).querySelector(".ended")?.textContent).toContain("Stopped");
    const broken = show(failed(asked, "no repository is open"));
    expect(broken.querySelector("[role=alert]")?.textContent).toContain("No repository is open");
    [...broken.querySelectorAll("button")].find((each) => each.textContent === "Ask Again")?.click();
    expect(said).toEqual([{ type: "again", turn: "t" }]);
  });

  it("is judged, and corrected where it was wrong", () => {
    press(show(answered(asked, anAnswer)), "Not helpful");
    const box = show({ ...answered(asked, anAnswer), verdict: "down" });
    const form = box.querySelector("form") as HTMLFormElement;
    (form.querySelector("textarea") as HTMLTextAreaElement).value = " Since 2.0 ";
    document.body.append(box);
    form.requestSubmit();
    expect(said).toEqual([
      { type: "judge", turn: "t", verdict: "down" },
      { type: "judge", turn: "t", verdict: "correction", text: "Since 2.0" },
    ]);
    expect(box.querySelector("[aria-label='Not helpful']")?.getAttribute("aria-pressed")).toBe("true");
  });

  it("is judged once by who presses twice, and otherwise after a slip", () => {
    const fresh = show(answered(asked, anAnswer));
    press(fresh, "Helpful");
    press(fresh, "Helpful");
    const judged = show({ ...answered(asked, anAnswer), verdict: "up" });
    press(judged, "Helpful");
    press(judged, "Not helpful");
    expect(said).toEqual([{ type: "judge", turn: "t", verdict: "up" }, { type: "judge", turn: "t", verdict: "down" }]);
    said.length = 0;
    const corrected = show({ ...answered(asked, anAnswer), verdict: "correction" });
    press(corrected, "Helpful");
    press(corrected, "Not helpful");
    expect(said).toEqual([]); // the correction stands, and can be written anew
    expect(corrected.querySelector("form")).not.toBeNull();
  });

  it("shows what a chip quotes beside it, as text", () => {
    vi.useFakeTimers();
    const hostile = { ...anAnswer, citations: anAnswer.citations.map((each) => ({ ...each, quote: "<img src=x>" })) };
    const box = show(answered(asked, hostile));
    document.body.append(box);
    box.querySelector(".chip")?.dispatchEvent(new MouseEvent("mouseenter"));
    vi.advanceTimersByTime(1000);
    expect(document.querySelector(".preview code")?.textContent).toBe("<img src=x>");
    expect(document.querySelector(".preview img")).toBeNull();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(document.querySelector(".preview")).toBeNull();
    vi.useRealTimers();
  });
});
