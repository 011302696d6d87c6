// Citations for people: what each is called, and an answer with its citations as Markdown. Pure.
import type { Answer, Citation } from "./protocol";

/** The command behind a citation in the editor's chat. */
export const OPEN_CITATION = "whence.openCitation";

/** How many characters of an id of a commit people read. */
const SHORT = 7;

/** What names a place, in an answer or a list of what was found. */
type Place = Omit<Citation, "id" | "quote">;

/** Whether it is a commit: most of those name an issue or a pull request, which they are not. */
export function isCommit({ kind, path, thread }: Place): boolean {
  return kind === "commit" || (path === null && thread === null);
}

/** `src/pay.py:4–7`, `commit 1a2b3c4` or `#7`. */
export function nameOf(place: Place): string {
  const { kind, path, start_line: first, end_line: last, commit, thread } = place;
  if (isCommit(place)) return commit === null ? kind : `commit ${shortened(commit)}`;
  if (path === null) return `#${thread}`;
  if (first === null) return path;
  return last === null || last === first ? `${path}:${first}` : `${path}:${first}–${last}`;
}

function shortened(commit: string): string {
  return commit.slice(0, SHORT);
}

/** For a narrow panel: the same without folders; a commit with what is quoted of it, which may not be its subject. */
export function shortNameOf(citation: Citation): string {
  const name = nameOf(citation);
  if (isCommit(citation)) return `${shortened(citation.commit ?? name)} “${citation.quote.split("\n", 1)[0] ?? ""}”`;
  return name.slice(name.lastIndexOf("/") + 1);
}

/** What an icon stands for it, of the editor's own. */
export function iconOf(citation: Citation): string {
  if (isCommit(citation)) return "git-commit";
  if (citation.path !== null) return citation.kind === "doc" ? "book" : "file-code";
  return citation.kind === "pull" ? "git-pull-request" : "issues";
}

/** An answer to be put elsewhere, each citation named below it. */
export function asMarkdown(question: string, answer: Answer): string {
  const sources = answer.citations.map((citation) => {
    const commit = isCommit(citation) && citation.commit ? ` (${citation.commit})` : "";
    return `[${citation.id}] ${nameOf(citation)}${commit}${citation.url ? ` ${citation.url}` : ""}`;
  });
  return [`**${question}**`, answer.answer, ...(sources.length ? [sources.join("\n")] : [])].join("\n\n") + "\n";
}

/** `confidence 83%`. */
export function confidenceOf(answer: Answer): string {
  return `confidence ${Math.round(answer.confidence * 100)}%`;
}
