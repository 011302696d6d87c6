// Citations for people: what each is called, and an answer with its citations as Markdown. Pure.
import type { Answer, Citation } from "./protocol";

/** The command behind a citation in the editor's chat. */
export const OPEN_CITATION = "whence.openCitation";

/** How many characters of an id of a commit people read. */
const SHORT = 7;

/** `src/pay.py:4–7`, `commit 1a2b3c4` or `#7`. */
export function nameOf(citation: Citation): string {
  const { path, start_line: first, end_line: last, commit, thread } = citation;
  if (path !== null) {
    if (first === null) return path;
    return last === null || last === first ? `${path}:${first}` : `${path}:${first}–${last}`;
  }
  if (thread !== null) return `#${thread}`;
  return commit === null ? citation.kind : `commit ${commit.slice(0, SHORT)}`;
}

/** The same without folders, for a narrow panel. */
export function shortNameOf(citation: Citation): string {
  const name = nameOf(citation);
  return citation.path === null ? name : name.slice(name.lastIndexOf("/") + 1);
}

/** What an icon stands for it, of the editor's own. */
export function iconOf(citation: Citation): string {
  if (citation.path !== null) return citation.kind === "doc" ? "book" : "file-code";
  if (citation.thread !== null) return citation.kind === "pull" ? "git-pull-request" : "issues";
  return "git-commit";
}

/** An answer to be put elsewhere, each citation named below it. */
export function asMarkdown(question: string, answer: Answer): string {
  const sources = answer.citations.map((citation) => {
    const commit = citation.path === null && citation.thread === null && citation.commit ? ` (${citation.commit})` : "";
    return `[${citation.id}] ${nameOf(citation)}${commit}${citation.url ? ` ${citation.url}` : ""}`;
  });
  return [`**${question}**`, answer.answer, ...(sources.length ? [sources.join("\n")] : [])].join("\n\n") + "\n";
}

/** `83% sure`. */
export function confidenceOf(answer: Answer): string {
  return `${Math.round(answer.confidence * 100)}% sure`;
}
