import { describe, expect, it } from "vitest";
import { aboutOf, answered, begin, contextOf, conversationOf, extended, failed, MOST_KEPT, readTurns, remembered, stopped } from "./conversation";
import { anAnswer } from "./answer.fake";

const asked = begin("1", "Why?", undefined, 0);

describe("a turn", () => {
  it("grows with the pieces of its text, and ends with the answer", () => {
    const half = extended(extended(asked, "Because "), "of that");
    expect(half).toMatchObject({ state: "answering", text: "Because of that" });
    expect(answered(half, anAnswer)).toMatchObject({ state: "done", text: anAnswer.answer });
  });

  it("that was stopped stays so, whatever comes late", () => {
    const end = stopped(extended(asked, "Because "));
    expect(extended(end, "more")).toBe(end);
    expect(answered(end, anAnswer)).toBe(end);
    expect(failed(end, "too late")).toBe(end);
  });
});

describe("a conversation", () => {
  it("goes on with the last answer, over what was stopped since", () => {
    expect(conversationOf([answered(asked, anAnswer), stopped(begin("2", "And?", undefined, 1))])).toBe(anAnswer.conversation);
    expect(conversationOf([asked])).toBeUndefined();
  });

  it("is kept without the oldest, each turn once", () => {
    let kept = remembered([], asked);
    for (let number = 0; number < MOST_KEPT + 5; number++) kept = remembered(kept, begin(`t${number}`, "?", undefined, number));
    expect(kept).toHaveLength(MOST_KEPT);
    expect(remembered(kept, { ...asked, id: "t50" })).toHaveLength(MOST_KEPT);
  });

  it("that another version kept is read as far as it can be", () => {
    expect(readTurns([asked, { id: 5 }, null])).toEqual([asked]);
    expect(readTurns("no list")).toEqual([]);
  });
});

it("says which lines a question is about where its words do not", () => {
  const context = contextOf({ uri: "file:///r/pay.py", range: { start: { line: 3, character: 0 }, end: { line: 3, character: 0 } } });
  expect(aboutOf(begin("1", "Why?", context, 0))).toBe("pay.py:4");
  expect(aboutOf(begin("1", "Why was pay.py:4 changed?", context, 0))).toBeUndefined();
});

it("names lines as people count them", () => {
  const range = (first: number, last: number, character = 0) => ({ start: { line: first, character: 0 }, end: { line: last, character } });
  expect(contextOf({ uri: "file:///r/a%20b/p%C3%A4y.py", range: range(3, 7) }).label).toBe("päy.py:4–7");
  expect(contextOf({ uri: "file:///r/pay.py", range: range(3, 4) }).label).toBe("pay.py:4");
  expect(contextOf({ uri: "file:///r/pay.py", range: range(3, 4, 2) }).label).toBe("pay.py:4–5");
  expect(contextOf({ uri: "file:///r/pay.py", range: range(3, 3) }).label).toBe("pay.py:4");
});
