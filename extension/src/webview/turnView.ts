// One question and its answer as the panel shows them.
import { confidenceOf, iconOf, nameOf, shortNameOf } from "../citations";
import { aboutOf, type Turn } from "../conversation";
import type { FromPanel } from "../messages";
import type { Answer, Citation } from "../protocol";
import { render } from "./markdown";
import { capital, icon, iconButton, linkButton, make, textButton } from "./nodes";
import { previewed } from "./preview";

export type Send = (message: FromPanel) => void;

/** How an answer looks that is none; the text of it says more. */
const ABSTAINED = "No clear answer";

/** Characters of a question that are shown at once. */
const LONG = 300;

/** What answers are made of where no model wrote them. */
const WITHOUT_MODEL: Readonly<Partial<Record<string, string>>> = { extractive: "Quotations", history: "History" };

export function turnView(turn: Turn, send: Send): HTMLElement {
  const open = turn.state === "waiting" || turn.state === "answering";
  const about = aboutOf(turn);
  const kind = turn.answer?.abstained ? "abstained" : turn.state;
  return make(
    "article",
    { class: `turn ${kind}`, "data-turn": turn.id, "aria-busy": String(open), "aria-label": turn.question },
    heading(turn.question),
    about ? make("div", { class: "about" }, icon("selection"), about) : undefined,
    turn.answer?.abstained ? make("div", { class: "verdict" }, icon("question"), ABSTAINED) : undefined,
    body(turn, send),
    turn.answer ? sources(turn, turn.answer, send) : undefined,
    turn.answer ? facts(turn.answer, send) : undefined,
    ending(turn, send),
  );
}

/** A question that would push its answer off the screen is folded. */
function heading(question: string): HTMLElement {
  const title = make("h2", { class: "question" }, question);
  return question.length > LONG ? make("details", { class: "long" }, make("summary", { title: "Show the whole question" }, title)) : title;
}

/** The text so far. */
function body(turn: Turn, send: Send): HTMLElement {
  const box = make("div", { class: "answer" });
  if (turn.state === "waiting") box.append(make("div", { class: "looking" }, icon("loading codicon-modifier-spin"), "Looking through the repository…"));
  const citations = new Map(turn.answer?.citations.map((each) => [each.id, each]));
  box.append(
    render(turn.text, {
      citation: (number) => {
        const citation = citations.get(number);
        return citation && mark(turn, citation, send);
      },
      link: (address) => send({ type: "link", address }),
    }),
  );
  return box;
}

/** The small number in the text. */
function mark(turn: Turn, citation: Citation, send: Send): HTMLElement {
  const label = `Source ${citation.id}: ${nameOf(citation)}`;
  const chip = make("button", { type: "button", class: "mark", "aria-label": label }, String(citation.id));
  return opening(chip, turn, citation, send);
}

function sources(turn: Turn, answer: Answer, send: Send): HTMLElement | undefined {
  if (!answer.citations.length) return undefined;
  const chips = answer.citations.map((citation) => {
    const label = `Source ${citation.id}: ${nameOf(citation)}`;
    const chip = make(
      "button",
      { type: "button", class: "chip", "aria-label": label },
      make("span", { class: "number" }, String(citation.id)),
      icon(iconOf(citation)),
      make("span", { class: "name" }, shortNameOf(citation)),
    );
    return make("li", {}, opening(chip, turn, citation, send));
  });
  return make("ul", { class: "sources", "aria-label": "Sources" }, ...chips);
}

function opening(chip: HTMLElement, turn: Turn, citation: Citation, send: Send): HTMLElement {
  chip.addEventListener("click", () => send({ type: "open", turn: turn.id, citation: citation.id }));
  previewed(chip, citation);
  return chip;
}

/** Who wrote it, how sure that is, how long it took, and what was not looked at. */
function facts(answer: Answer, send: Send): HTMLElement {
  const { name, version } = answer.model;
  const called = version ? `${name} ${version}` : (WITHOUT_MODEL[name] ?? name);
  const writer = linkButton(called, () => send({ type: "run", command: "whence.useModel" }), "Choose what writes answers");
  const less = answer.partial ? "The index is being made: not all was searched" : answer.stale ? "The index is being brought up to date" : undefined;
  return make(
    "div",
    { class: "facts" },
    make("span", {}, writer, ` · ${confidenceOf(answer)} · ${seconds(answer.timings.total)}`),
    less ? make("span", { class: "less" }, icon("info"), less) : undefined,
  );
}

function seconds(told: number): string {
  return told < 0.1 ? `${Math.max(1, Math.round(told * 1000))} ms` : `${told.toFixed(1)} s`;
}

function ending(turn: Turn, send: Send): HTMLElement | undefined {
  switch (turn.state) {
    case "waiting":
    case "answering":
      return undefined;
    case "stopped":
      return make("div", { class: "ended" }, icon("circle-slash"), "Stopped", again(turn, send));
    case "failed":
      return make("div", { class: "ended", role: "alert" }, icon("error"), capital(turn.problem ?? "it failed"), again(turn, send));
    case "done":
      return judging(turn, send);
  }
}

function again(turn: Turn, send: Send): HTMLElement {
  return textButton("Ask Again", () => send({ type: "again", turn: turn.id }));
}

function judging(turn: Turn, send: Send): HTMLElement {
  const { id, verdict } = turn;
  const box = make("div", { class: "judging" });
  let judged = verdict; // at once: who presses twice has one opinion
  const judge = (given: "up" | "down"): void => {
    if (judged !== given) send({ type: "judge", turn: id, verdict: (judged = given) });
  };
  const helpful = iconButton("thumbsup", "Helpful", () => judge("up"), verdict === "up");
  helpful.disabled = verdict === "correction"; // which it would replace
  const row = make(
    "div",
    { class: "buttons", role: "group", "aria-label": "This answer" },
    iconButton("copy", "Copy with citations", () => send({ type: "copy", turn: id })),
    helpful,
    iconButton("thumbsdown", "Not helpful", () => {
      if (verdict !== "down" && verdict !== "correction") judge("down");
      else {
        if (!box.querySelector("form")) correct(box, turn, send);
        box.querySelector("textarea")?.focus();
      }
    }, verdict === "down" || verdict === "correction"),
    verdict === "correction" ? make("span", { class: "kept" }, "Correction kept") : undefined,
  );
  box.append(row);
  if (verdict === "down") correct(box, turn, send);
  return box;
}

/** The box for a better answer, which stays on this machine. */
function correct(box: HTMLElement, turn: Turn, send: Send): void {
  const field = make("textarea", { rows: "3", maxlength: "20000", "aria-label": "The right answer", placeholder: "What would have been right? (optional, stays on this machine)" });
  const form = make(
    "form",
    { class: "correction" },
    field,
    make("div", { class: "buttons" }, make("button", { type: "submit", class: "text-button primary" }, "Keep Correction"), textButton("Cancel", () => form.remove())),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) send({ type: "judge", turn: turn.id, verdict: "correction", text: field.value.trim() });
    else field.focus();
  });
  box.append(form);
  window.requestAnimationFrame(() => form.scrollIntoView({ block: "nearest" }));
}
