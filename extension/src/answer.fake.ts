// An answer as the server gives it, for tests.
import type { Answer, Citation } from "./protocol";

const none = { path: null, start_line: null, end_line: null, commit: null, thread: null, url: null, uri: null };

export const lines: Citation = { ...none, id: 1, kind: "code", path: "shop/pay.py", start_line: 4, end_line: 6, quote: "def charge():", uri: "file:///r/shop/pay.py" };
export const commit: Citation = { ...none, id: 2, kind: "commit", commit: "1a2b3c4d5e6f", quote: "Charge cards once\n\nBanks repeat." };
/** As most commits of most repositories are: its message names a pull request. */
export const merged: Citation = { ...commit, thread: 3412, url: "https://example.org/commit/1a2b3c4d5e6f", quote: "Add async support (#3412)" };
export const issue: Citation = { ...none, id: 3, kind: "issue", thread: 7, quote: "Paid twice", url: "https://example.org/issues/7" };

export const anAnswer: Answer = {
  answer: "Cards are charged once [1], since customers paid twice [2], [3].",
  confidence: 0.834,
  abstained: false,
  citations: [lines, commit, issue],
  source: { commit: "1a2b3c4d5e6f", issue_id: 7 },
  model: { name: "extractive", version: null },
  timings: { retrieve: 0.1, first_token: 0.2, total: 0.24 },
  stale: false,
  id: "answer-1",
  conversation: "talk-1",
  partial: false,
  root: "file:///r",
};
