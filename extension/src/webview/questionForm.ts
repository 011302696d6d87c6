// Where a question is written: Enter asks, Shift+Enter begins a line, Escape stops, Arrow Up brings back the last one.
import type { Context } from "../conversation";
import { icon, iconButton, make } from "./nodes";
import type { Send } from "./turnView";

const TALLEST = 200;

export interface QuestionForm {
  focus(): void;
  /** Begin with this text. */
  write(text: string): void;
  setContext(context: Context | undefined): void;
  setBusy(turn: string | undefined): void;
}

export function questionForm(form: HTMLFormElement, send: Send, say: (text: string) => void, last: () => string | undefined): QuestionForm {
  let busy: string | undefined;
  const about = make("div", { class: "context" });
  const field = make("textarea", { rows: "1", maxlength: "20000", "aria-label": "Question about this repository", placeholder: "Ask about this repository" });
  const ask = make("button", { type: "submit", class: "icon-button", title: "Ask (Enter)", "aria-label": "Ask" }, icon("send"));
  const stop = iconButton("debug-stop", "Stop (Escape)", () => halt());
  stop.hidden = true;
  form.append(about, make("div", { class: "field" }, field, ask, stop));

  const grow = (): void => {
    field.style.height = "auto";
    field.style.height = `${Math.min(TALLEST, field.scrollHeight)}px`;
  };
  const halt = (): void => {
    if (busy) send({ type: "stop", turn: busy });
  };
  const submit = (): void => {
    const question = field.value.trim();
    if (!question) return;
    if (busy) {
      say("An answer is on its way: Escape stops it");
      return;
    }
    field.value = "";
    grow();
    send({ type: "ask", question });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && !field.value) {
      field.value = last() ?? "";
      grow();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") halt();
  });
  return {
    focus: () => field.focus(),
    write: (text) => {
      field.value = text;
      grow();
    },
    setContext: (context) => {
      about.replaceChildren();
      if (!context) return;
      const without = iconButton("close", `Ask without ${context.label}`, () => {
        about.replaceChildren();
        send({ type: "withoutContext" });
        field.focus();
      });
      about.append(icon("selection"), make("span", {}, context.label), without);
    },
    setBusy: (turn) => {
      busy = turn;
      ask.hidden = turn !== undefined;
      stop.hidden = turn === undefined;
    },
  };
}
