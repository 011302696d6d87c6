import { expect, it } from "vitest";
import { anAnswer, commit, issue, lines, merged } from "./answer.fake";
import { asMarkdown, confidenceOf, iconOf, nameOf, shortNameOf } from "./citations";

it("calls each by what people know it by", () => {
  expect([lines, commit, issue].map(nameOf)).toEqual(["shop/pay.py:4–6", "commit 1a2b3c4", "#7"]);
  expect(nameOf({ ...lines, end_line: 4 })).toBe("shop/pay.py:4");
  expect(shortNameOf(lines)).toBe("pay.py:4–6");
  expect([lines, { ...lines, kind: "doc" }, commit, issue].map(iconOf)).toEqual(["file-code", "book", "git-commit", "issues"]);
  expect(confidenceOf(anAnswer)).toBe("confidence 83%");
});

it("takes a commit for one, whatever number its message names", () => {
  expect([nameOf(merged), iconOf(merged), shortNameOf(merged)]).toEqual(["commit 1a2b3c4", "git-commit", "1a2b3c4 “Add async support (#3412)”"]);
  expect(asMarkdown("Who?", { ...anAnswer, citations: [merged] })).toContain("[2] commit 1a2b3c4 (1a2b3c4d5e6f) https://example.org/commit/1a2b3c4d5e6f\n");
  const pull = { ...issue, kind: "pull", commit: "1a2b3c4d5e6f" }; // which brought it in
  expect([nameOf(pull), iconOf(pull)]).toEqual(["#7", "git-pull-request"]);
});

it("copies an answer with what it cites", () => {
  expect(asMarkdown("Why once?", anAnswer)).toBe(
    `**Why once?**\n\n${anAnswer.answer}\n\n[1] shop/pay.py:4–6\n[2] commit 1a2b3c4 (1a2b3c4d5e6f)\n[3] #7 https://example.org/issues/7\n`,
  );
});
