// The panel's page: shows what the extension tells it, and tells what is pressed.
import { extended, isOpen, type Turn } from "../conversation";
import type { FromPanel, PanelCommand, ToPanel } from "../messages";
import { linkButton, make, part, textButton } from "./nodes";
import { hide } from "./preview";
import { questionForm } from "./questionForm";
import { showState } from "./stateLine";
import { turnView } from "./turnView";

const vscode = acquireVsCodeApi();
const send = (message: FromPanel): void => {
  if (message.type === "ask") draft(undefined, "");
  if (message.type === "judge" && message.text) draft(message.turn, "");
  vscode.postMessage(message);
};
const run = (command: PanelCommand): void => send({ type: "run", command });

/** What somebody is writing, which outlives the page: it is made anew with the window. */
interface Drafts {
  question: string;
  readonly corrections: Record<string, string>;
}
const drafts: Drafts = { question: "", corrections: {}, ...(vscode.getState() as Partial<Drafts> | undefined) };

const list = part("turns");
const state = part("state");
const said = part("said");
const turns = new Map<string, Turn>();
const due = new Set<string>();
const form = questionForm(part("form") as HTMLFormElement, send, say, () => [...turns.values()].at(-1)?.question);

window.addEventListener("message", ({ data }: MessageEvent<ToPanel>) => receive(data));
list.addEventListener("click", hide);
if (drafts.question) form.write(drafts.question);
document.addEventListener("input", ({ target }) => {
  if (target instanceof HTMLTextAreaElement) draft(target.closest<HTMLElement>("[data-turn]")?.dataset["turn"], target.value);
});
if ("fresh" in list.dataset) welcome();
send({ type: "ready" });

function receive(message: ToPanel): void {
  switch (message.type) {
    case "all":
      turns.clear();
      list.replaceChildren();
      for (const turn of message.turns) turns.set(turn.id, turn);
      for (const turn of message.turns) draw(turn.id);
      welcome();
      form.setContext(message.context);
      showState(state, message.state, run);
      return;
    case "turn": {
      const before = turns.get(message.turn.id);
      turns.set(message.turn.id, message.turn);
      if (before && isOpen(before) && !isOpen(message.turn)) announce(message.turn);
      draw(message.turn.id);
      return;
    }
    case "piece": {
      const turn = turns.get(message.turn);
      if (!turn) return;
      turns.set(message.turn, extended(turn, message.text));
      drawSoon(message.turn);
      return;
    }
    case "context":
      { form.setContext(message.context); return; }
    case "state":
      { showState(state, message.state, run); return; }
    case "focus":
      { form.focus(); return; }
    case "said":
      say(message.text);
  }
}

/** Shown for a moment, and read out. */
function say(text: string): void {
  said.textContent = text;
  said.className = "toast";
  window.setTimeout(() => (said.className = "hidden-text"), 2500);
}

/** Pieces come faster than screens are drawn. */
function drawSoon(id: string): void {
  due.add(id);
  if (due.size > 1) return;
  window.requestAnimationFrame(() => {
    for (const each of due) draw(each);
    due.clear();
  });
}

function draw(id: string): void {
  const turn = turns.get(id);
  if (!turn) return;
  hide();
  const drawn = turnView(turn, send);
  const before = list.querySelector(`[data-turn="${id}"]`);
  if (before) takePlace(before, drawn);
  else {
    list.append(drawn);
    drawn.scrollIntoView({ block: "start" });
  }
  restore(drawn, drafts.corrections[id]);
  welcome();
  form.setBusy([...turns.values()].findLast(isOpen)?.id);
}

/** Where the focus was it stays; a box that opens has it. */
function takePlace(before: Element, drawn: HTMLElement): void {
  const focused = document.activeElement;
  const twins = (box: Element): Element[] => [...box.querySelectorAll("button, textarea")].filter((each) => called(each) === called(focused));
  const place = focused ? twins(before).indexOf(focused) : -1;
  const [was, field] = [before, drawn].map((each) => each.querySelector("form.correction textarea"));
  before.replaceWith(drawn);
  if (place < 0) return;
  const next = field && !was ? field : (twins(drawn)[place] ?? drawn.querySelector(".judging button"));
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}

function called(control: Element | null): string | null | undefined {
  return control?.getAttribute("aria-label") ?? control?.textContent;
}

/** What somebody was writing is not lost when the answer above is drawn anew. */
function restore(drawn: HTMLElement, typed: string | undefined): void {
  const field = drawn.querySelector<HTMLTextAreaElement>("form.correction textarea");
  if (field && typed) field.value = typed;
}

/** Keep what is being written: of a turn its correction, else the question. */
function draft(turn: string | undefined, text: string): void {
  if (turn === undefined) drafts.question = text;
  else drafts.corrections[turn] = text;
  vscode.setState(drafts);
}

function announce(turn: Turn): void {
  const count = turn.answer?.citations.length ?? 0;
  const sources = `${count} ${count === 1 ? "source" : "sources"}`;
  said.textContent = turn.answer ? `${turn.answer.abstained ? "No clear answer" : "Answered"}, ${sources}` : turn.state === "stopped" ? "Stopped" : "It failed";
}

function welcome(): void {
  const shown = list.querySelector(".welcome");
  if (turns.size) shown?.remove();
  else if (!shown) list.append(invitation());
}

function invitation(): HTMLElement {
  const examples = ["What does this project do?", "How are the tests run?", "What changed recently?"];
  return make(
    "section",
    { class: "welcome" },
    make("h2", {}, "Ask your repository"),
    make("p", {}, "Answers quote code, commits and issues, and each quotation can be opened. Nothing leaves this machine."),
    ...examples.map((question) => textButton(question, () => send({ type: "ask", question }), "example")),
    linkButton("Choose what writes answers…", () => send({ type: "run", command: "whence.useModel" }), "Quotations at once, or a model on this machine"),
  );
}
