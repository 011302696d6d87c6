import { expect, it } from "vitest";
import { anAnswer, commit, issue, lines } from "./answer.fake";
import { asMarkdown, confidenceOf, iconOf, nameOf, shortNameOf } from "./citations";

it("calls each by what people know it by", () => {
  expect([lines, commit, issue].map(nameOf)).toEqual(["shop/pay.py:4–6", "commit 1a2b3c4", "#7"]);
  expect(nameOf({ ...lines, end_line: 4 })).toBe("shop/pay.py:4");
  expect(shortNameOf(lines)).toBe("pay.py:4–6");
  expect([lines, { ...lines, kind: "doc" }, commit, issue].map(iconOf)).toEqual(["file-code", "book", "git-commit", "issues"]);
  expect(confidenceOf(anAnswer)).toBe("83% sure");
});

it("copies an answer with what it cites", () => {
  expect(asMarkdown("Why once?", anAnswer)).toBe(
    `**Why once?**\n\n${anAnswer.answer}\n\n[1] shop/pay.py:4–6\n[2] commit 1a2b3c4 (1a2b3c4d5e6f)\n[3] #7 https://example.org/issues/7\n`,
  );
});
