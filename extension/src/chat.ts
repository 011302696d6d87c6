// `@whence` in the editor's chat, where there is one: the same answers, with their references.
import * as vscode from "vscode";
import { nameOf } from "./citations";
import type { Answer, Citation, LineCommand, Lines } from "./protocol";
import type { Requests } from "./requests";

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
  stream.progress("Looking through the repository…");
  let told = "";
  const receive = (text: string): void => {
    told += text;
    stream.markdown(text); // a string is never trusted
  };
  const answered = await ask(requests, request, context, receive, token);
  if (told !== answered.answer) stream.markdown(answered.answer.startsWith(told) ? answered.answer.slice(told.length) : `\n\n---\n\n${answered.answer}`);
  for (const citation of answered.citations) refer(stream, citation);
  return { metadata: { answer: answered.id, conversation: answered.conversation } };
}

async function ask(requests: Requests, request: vscode.ChatRequest, context: vscode.ChatContext, receive: (text: string) => void, token: vscode.CancellationToken): Promise<Answer> {
  const lines = linesOf(request) ?? selected();
  const command = request.command ? COMMANDS[request.command] : undefined;
  if (command && lines && !request.prompt.trim()) return requests.ofLines(command, lines, token);
  const question = questionOf(request.command, request.prompt);
  const conversation = conversationOf(context);
  const about = lines && (command ? { uri: lines.uri, range: lines.range } : { uri: lines.uri }); // else only whose repository is meant
  return requests.ask({ question, ...about, ...(conversation && { conversation }) }, receive, token);
}

/** What a command with words means as a question. Pure. */
export function questionOf(command: string | undefined, prompt: string): string {
  const words = prompt.trim();
  const lead = { why: "Why", where: "Where", explain: "What is" }[command ?? ""];
  if (!words) return lead ? `${lead} is this?` : "What is this repository about?";
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
  else stream.markdown(`\n\n[${citation.id}] ${nameOf(citation)}`);
}
