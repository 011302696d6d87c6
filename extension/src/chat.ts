// `@whence` in the editor's chat, where there is one: the same answers, with their references.
import * as vscode from "vscode";
import { isCommit, nameOf, OPEN_CITATION } from "./citations";
import type { Answer, Citation, LineCommand, Lines } from "./protocol";
import type { Requests } from "./requests";
import { escaped } from "./telling";

const COMMANDS: Partial<Record<string, LineCommand>> = { why: "whence.why", explain: "whence.explain" };

export function registerChat(extension: vscode.ExtensionContext, requests: Requests): vscode.Disposable | undefined {
  // Older editors, and forks, have no chat.
  const chat = vscode.chat as typeof vscode.chat | undefined;
  if (typeof chat?.createChatParticipant !== "function") return undefined;
  const participant = chat.createChatParticipant("whence.chat", (request, context, stream, token) => answer(requests, request, context, stream, token));
  participant.iconPath = vscode.Uri.joinPath(extension.extensionUri, "media", "icon.svg");
  participant.onDidReceiveFeedback(({ result, kind }) => {
    const id: unknown = result.metadata?.["answer"];
    if (typeof id === "string") void requests.feedback({ answer: id, verdict: kind === vscode.ChatResultFeedbackKind.Helpful ? "up" : "down" }).catch(() => undefined);
  });
  return vscode.Disposable.from(participant);
}

async function answer(requests: Requests, request: vscode.ChatRequest, context: vscode.ChatContext, stream: vscode.ChatResponseStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  const lines = linesOf(request) ?? selected();
  const lacking = lackOf(request.command, request.prompt, lines !== undefined);
  if (lacking) {
    stream.markdown(lacking);
    return {};
  }
  stream.progress("Looking through the repository…");
  let told = "";
  const receive = (text: string): void => {
    told += text;
    stream.markdown(text); // a string is never trusted
  };
  const answered = await ask(requests, request, lines, context, receive, token);
  if (told !== answered.answer) stream.markdown(answered.answer.startsWith(told) ? answered.answer.slice(told.length) : `\n\n---\n\n${answered.answer}`);
  const isLinked = (citation: Citation): boolean => isCommit(citation) || (citation.uri === null && citation.url === null);
  for (const citation of answered.citations) if (!isLinked(citation)) refer(stream, citation);
  const others = answered.citations.filter(isLinked);
  if (others.length) stream.markdown(linked(others, answered.root));
  return { metadata: { answer: answered.id, conversation: answered.conversation } };
}

async function ask(requests: Requests, request: vscode.ChatRequest, lines: Lines | undefined, context: vscode.ChatContext, receive: (text: string) => void, token: vscode.CancellationToken): Promise<Answer> {
  const command = request.command ? COMMANDS[request.command] : undefined;
  if (command && lines && !request.prompt.trim()) return requests.ofLines(command, lines, token);
  const question = questionOf(request.command, request.prompt);
  const conversation = conversationOf(context);
  const about = lines && (command ? { uri: lines.uri, range: lines.range } : { uri: lines.uri }); // else only whose repository is meant
  return requests.ask({ question, ...about, ...(conversation && { conversation }) }, receive, token);
}

/** What a command needs that it was not given, as a sentence that says what to do. Pure. */
export function lackOf(command: string | undefined, prompt: string, hasLines: boolean): string | undefined {
  if (prompt.trim() || !command || (command in COMMANDS && hasLines)) return undefined;
  if (command === "where") return "Say after `/where` what you look for.";
  return `Open a file and put the cursor on the lines that you ask about, or say after \`/${command}\` what you mean.`;
}

/** What a command with words means as a question. Pure. */
export function questionOf(command: string | undefined, prompt: string): string {
  const words = prompt.trim();
  const lead = { why: "Why", where: "Where", explain: "What is" }[command ?? ""];
  if (!words) return "What is this repository about?";
  return !lead || /^(why|where|what|how|who|when|which)\b/i.test(words) ? words : `${lead} ${command === "explain" ? words : `is ${words}`}?`.replace(/\?\?$/, "?");
}

function conversationOf(context: vscode.ChatContext): string | undefined {
  const last = context.history.findLast((turn): turn is vscode.ChatResponseTurn => turn instanceof vscode.ChatResponseTurn);
  const id: unknown = last?.result.metadata?.["conversation"];
  return typeof id === "string" ? id : undefined;
}

function linesOf(request: vscode.ChatRequest): Lines | undefined {
  const place = request.references.map((reference) => reference.value).find((value): value is vscode.Location => value instanceof vscode.Location);
  return place && toLines(place.uri, place.range);
}

function selected(): Lines | undefined {
  const editor = vscode.window.activeTextEditor;
  return editor?.document.uri.scheme === "file" ? toLines(editor.document.uri, editor.selection) : undefined;
}

function toLines(uri: vscode.Uri, { start, end }: vscode.Range): Lines {
  return { uri: uri.toString(), range: { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } } };
}

function refer(stream: vscode.ChatResponseStream, citation: Citation): void {
  if (citation.uri !== null) {
    const start = (citation.start_line ?? 1) - 1;
    const end = (citation.end_line ?? citation.start_line ?? 1) - 1;
    stream.reference(new vscode.Location(vscode.Uri.parse(citation.uri, true), new vscode.Range(start, 0, end, 0)));
  } else if (citation.url !== null) stream.reference(vscode.Uri.parse(citation.url, true));
}

/** Commits, and issues that have no address, in one line: each opens as it does in the panel. */
function linked(citations: readonly Citation[], root: string): vscode.MarkdownString {
  const links = citations.map((citation) => {
    const given = encodeURIComponent(JSON.stringify([{ citation, root }]));
    return `\\[${citation.id}\\] [${escaped(nameOf(citation))}](command:${OPEN_CITATION}?${given})`;
  });
  const text = new vscode.MarkdownString(`\n\n${links.join(" · ")}`);
  text.isTrusted = { enabledCommands: [OPEN_CITATION] };
  return text;
}
