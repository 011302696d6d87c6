// The sections of the training view: each a function of what the server told.
import type { Example, Training, TrainingRun } from "../protocol";
import type { FromTraining } from "../trainingMessages";
import { capital, type Child, icon, iconButton, make, textButton } from "./nodes";

export type Send = (message: FromTraining) => void;

/** What somebody is at, which a new drawing keeps: texts that are being written, by example, and runs that are open. */
export interface Kept {
  readonly drafts: Map<string, string>;
  readonly open: Set<string>;
  /** How many examples are shown. */
  most: number;
  /** Whether the extension can install what is missing. */
  installs: boolean;
}

/** What each section shows, and is drawn anew for. */
export const SECTIONS = {
  now: { of: ({ available, how, command, statistics, job, runs }: Training) => ({ available, how, command, statistics, job, runs: runs.filter(isUnderWay) }), draw: nowSection },
  model: { of: ({ active }: Training) => active, draw: modelSection },
  runs: { of: ({ runs }: Training) => runs, draw: runsSection },
  counts: { of: ({ statistics }: Training) => statistics, draw: countsSection },
  examples: { of: ({ examples }: Training) => examples, draw: examplesSection },
} as const;

const FAULTS: Readonly<Record<string, string>> = {
  duplicate: "The same as another",
  near_duplicate: "Nearly the same as another",
  conflict: "Contradicts another",
  no_evidence: "No evidence: it cannot be learnt from",
};
const ICONS: Readonly<Record<string, string>> = {
  completed: "pass", failed: "error", blocked: "circle-slash", stopped: "debug-stop",
  done: "pass", waiting: "circle-large-outline", running: "loading codicon-modifier-spin", passed: "pass", warned: "warning",
};
/** The measure that a line has room for: the first of these that there is. */
const HEADLINES = ["accuracy", "combined", "token_f1"];
/** Measures that are no share of 1, by their names. */
const OTHER_UNITS = /perplexity|seconds|tokens|loss|_ms\b/;

/** Whether there is enough, what can be done now, and how far the run under way is. */
function nowSection({ available, how, command, statistics, job, runs }: Training, send: Send, kept: Kept): HTMLElement {
  const run = runs.find(isUnderWay);
  const busy = job?.state === "running" || run !== undefined;
  return section(
    statistics.told,
    make("progress", { max: String(statistics.minimum), value: String(Math.min(statistics.learnt, statistics.minimum)), "aria-label": `${statistics.learnt} of ${statistics.minimum} corrections` }),
    available ? undefined : missing(how, command, kept.installs, send),
    busy ? progress(run, job?.message ?? "") : undefined,
    !busy && job && (job.state === "failed" || job.state === "blocked") ? make("p", { class: "problem", role: "alert" }, icon(ICONS[job.state] ?? "error"), job.message || `The last run ${job.state}`) : undefined,
    available ? buttons(statistics, job?.state === "running", busy, send) : undefined,
  );
}

/** Into its own environment the extension installs it; of a server of somebody's own, that is told to copy. */
function missing(how: string, command: string, installs: boolean, send: Send): HTMLElement {
  const button = installs
    ? textButton("Install…", () => send({ type: "run", command: "whence.installTraining" }))
    : textButton("Copy Command", () => send({ type: "copy", text: command }));
  return make("div", { class: "missing" }, make("p", {}, icon("info"), how), button);
}

function progress(run: TrainingRun | undefined, message: string): HTMLElement {
  const stages = run?.stages.map((stage) => make("li", { class: stage.state }, icon(ICONS[stage.state] ?? "circle"), `${stage.stage} ${stage.title}`, hidden(`: ${stage.state}`)));
  return make(
    "div",
    { class: "progress" },
    make("p", { class: "status" }, icon("loading codicon-modifier-spin"), `${capital(run?.status ?? "preparing")}…`),
    stages?.length ? make("ol", { class: "stages", "aria-label": "Stages" }, ...stages) : undefined,
    message ? make("p", { class: "message" }, message) : undefined,
  );
}

function buttons({ ready, minimum, learnt }: Training["statistics"], ours: boolean, busy: boolean, send: Send): HTMLElement | undefined {
  const box = make("div", { class: "buttons" });
  if (ours) box.append(textButton("Stop Training", () => send({ type: "stop" })));
  else if (busy) return undefined; // a terminal has begun it, and ends it
  else if (ready) box.append(textButton("Start Training", () => send({ type: "start", anyway: false }), "primary"));
  else {
    const start = textButton("Start Training", () => undefined, "primary");
    start.disabled = true;
    start.title = `Needs ${minimum} corrections that can be learnt from; there are ${learnt}`;
    const anyway = textButton("Train Anyway", () => send({ type: "start", anyway: true }));
    anyway.title = "Learn from the repository's own history and documents, with what corrections there are";
    box.append(start, anyway);
  }
  return box;
}

function modelSection({ active }: Training, send: Send): HTMLElement {
  const { champion, challenger, previous, share } = active;
  return section(
    "Active Model",
    make("p", {}, icon("server-process"), champion ?? "Quotations, no model"),
    challenger ? make("p", { class: "quiet" }, `${challenger} answers ${share} % of the questions`) : undefined,
    previous ? make("p", { class: "quiet" }, `Before: ${previous}`) : undefined,
    champion ?? challenger ? make("div", { class: "buttons" }, textButton("Roll Back", () => send({ type: "rollBack" }))) : undefined,
  );
}

function runsSection({ runs }: Training, send: Send, kept: Kept): HTMLElement {
  if (!runs.length) return section("Runs", make("p", { class: "quiet" }, "Nothing was trained yet."));
  return section("Runs", table(["Begun", "Examples", "Result"], ...runs.flatMap((run) => runRows(run, send, kept))));
}

function runRows(run: TrainingRun, send: Send, kept: Kept): HTMLElement[] {
  const details = make("tr", { class: "details" }, make("td", { colspan: "3" }, runDetails(run, send)));
  const toggle = make("button", { type: "button", class: "link", "aria-expanded": "false" }, when(run.began) || run.name);
  const show = (open: boolean): void => {
    details.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    if (open) kept.open.add(run.name);
    else kept.open.delete(run.name);
  };
  show(kept.open.has(run.name));
  toggle.addEventListener("click", () => show(details.hidden));
  const state = isUnderWay(run) ? "running" : run.status;
  const row = make("tr", {}, make("th", { scope: "row", class: run.status, title: capital(run.status) }, icon(ICONS[state] ?? "circle"), toggle, hidden(`: ${run.status}`)), cell(run.data ? String(run.data.examples) : "–"), cell(headline(run)));
  return [row, details];
}

function runDetails(run: TrainingRun, send: Send): HTMLElement {
  const { data } = run;
  return make(
    "div",
    {},
    ...run.reasons.map((reason) => make("p", { class: "problem" }, icon(ICONS[run.status] ?? "error"), reason)),
    data ? make("p", { class: "quiet" }, `${data.train} to learn from, ${data.validation} to choose by, ${data.test} to measure; ${data.quarantined} refused`) : undefined,
    run.model ? make("p", {}, icon("package"), run.model) : undefined,
    run.model ?? run.can_export
      ? make("div", { class: "buttons" }, run.model ? textButton("Deploy", () => send({ type: "deploy", run: run.name }), "primary") : undefined, run.can_export ? textButton("Export…", () => send({ type: "export", run: run.name })) : undefined)
      : undefined,
    run.measures.length
      ? table(["Measure", "Before", "After", "Change, 95 %"], ...run.measures.map((each) => make("tr", {}, make("th", { scope: "row" }, each.name.replaceAll("_", " ")), cell(amount(each.name, each.before)), cell(amount(each.name, each.after)), cell(interval(each.name, each.low, each.high)))))
      : undefined,
    run.gates.length
      ? table(["Gate", "Value", "Limit"], ...run.gates.map((gate) => make("tr", { title: gate.state === "passed" ? undefined : gate.advice }, make("th", { scope: "row", class: gate.state }, icon(ICONS[gate.state] ?? "circle"), gate.name, hidden(`: ${gate.state}`)), cell(plain(gate.value)), cell(plain(gate.limit)))))
      : undefined,
    ...run.gates.filter(({ state, advice }) => advice && (state === "warned" || (state === "failed" && !run.reasons.length))).map(({ name, advice }) => make("p", { class: "quiet" }, `${name}: ${advice}`)),
    run.stages.length
      ? make("dl", {}, ...run.stages.flatMap((stage) => [make("dt", {}, icon(ICONS[stage.state] ?? "circle"), `${stage.stage} ${stage.title}`, hidden(`: ${stage.state}`)), make("dd", {}, stage.said.filter(({ value }) => value).map(({ name, value }) => `${name} ${value}`).join(", "))]))
      : undefined,
  );
}

function countsSection({ statistics }: Training): HTMLElement {
  const { categories, types, ratio, corrections, confirmations, flagged } = statistics;
  if (!corrections && !confirmations) return section("Collected", make("p", { class: "quiet" }, "Thumbs and corrections of answers are collected here, on this machine alone."));
  const rows = (counts: typeof categories): HTMLElement[] => counts.map((each) => make("tr", {}, make("th", { scope: "row" }, each.name), cell(String(each.corrections)), cell(String(each.confirmations))));
  return section(
    "Collected",
    table(["Category", "Corrections", "Confirmations"], ...rows(categories), ...rows([{ name: "all", corrections, confirmations }])),
    table(["Type", "Corrections", "Confirmations"], ...rows(types)),
    make("p", { class: "quiet" }, ratio === null ? "No confirmations yet" : `${ratio.toFixed(2)} corrections for each confirmation`, flagged ? `; ${flagged} to look at` : ""),
  );
}

function examplesSection({ examples }: Training, send: Send, kept: Kept): HTMLElement {
  const list = make("div", {});
  const fill = (): void => {
    list.replaceChildren(...examples.slice(0, kept.most).map((example) => exampleView(example, examples, send, kept)));
    if (examples.length <= kept.most) return;
    list.append(textButton(`Show All ${examples.length}`, () => {
      kept.most = examples.length;
      fill();
    }));
  };
  fill();
  return section("Examples", examples.length ? list : make("p", { class: "quiet" }, "None yet."));
}

function exampleView(example: Example, all: readonly Example[], send: Send, kept: Kept): HTMLElement {
  const { id, question, answer, kind, category } = example;
  const box = make("article", { class: "example", "aria-label": question });
  const edit = (): void => {
    if (!box.querySelector("form")) box.append(fixForm(example, send, kept));
    box.querySelector("textarea")?.focus();
  };
  const flags = example.flags.map(({ fault, others }) => {
    const names = others.flatMap((other) => all.find((each) => each.id === other)?.answer ?? []);
    return make("p", { class: "flag", title: names.join("\n\n") }, icon("warning"), FAULTS[fault] ?? fault, names.length ? `: ${shortened(names[0] ?? "", 80)}` : "");
  });
  box.append(
    make("h3", {}, question),
    make("p", { class: "quiet" }, icon(kind === "correction" ? "edit" : "thumbsup"), `${capital(kind)} · ${category} · ${when(example.at)}${example.learnt || kind === "confirmation" ? "" : " · not learnt from"}`),
    make("p", { class: "text" }, answer),
    ...flags,
    make(
      "div",
      { class: "buttons", role: "group", "aria-label": "This example" },
      example.evidence.length ? iconButton("go-to-file", "Open its evidence", () => send({ type: "open", example: id })) : undefined,
      iconButton("edit", kind === "correction" ? "Change the answer" : "Correct the answer", edit),
      iconButton("trash", "Delete", () => send({ type: "delete", id })),
    ),
  );
  if (kept.drafts.has(id)) box.append(fixForm(example, send, kept));
  return box;
}

function fixForm({ id, answer }: Example, send: Send, kept: Kept): HTMLElement {
  const field = make("textarea", { rows: "4", maxlength: "20000", "aria-label": "The right answer" });
  field.value = kept.drafts.get(id) ?? answer;
  field.addEventListener("input", () => kept.drafts.set(id, field.value));
  const leave = (): void => {
    kept.drafts.delete(id);
    form.remove();
  };
  const form = make("form", { class: "correction" }, field, make("div", { class: "buttons" }, make("button", { type: "submit", class: "text-button primary" }, "Keep"), textButton("Cancel", leave)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text) {
      send({ type: "fix", id, text });
      leave();
    } else field.focus();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  return form;
}

function isUnderWay({ status }: TrainingRun): boolean {
  return ["preparing", "training", "evaluating"].includes(status);
}

/** `87 %, +12`: the measure that counts most, and how much better it is than before, in points. */
function headline({ measures }: TrainingRun): string {
  const found = HEADLINES.flatMap((name) => measures.find((each) => each.name === name && each.after !== null) ?? [])[0];
  if (!found) return "–";
  const { name, before, after } = found;
  const gain = before === null || after === null ? "" : ` (${signed((after - before) * 100, 0)})`;
  return `${capital(name.replaceAll("_", " "))} ${amount(name, after)}${gain}`;
}

function amount(name: string, value: number | null): string {
  return value === null ? "–" : OTHER_UNITS.test(name) ? value.toFixed(2) : `${(value * 100).toFixed(1).replace(/\.0$/, "")} %`;
}

function interval(name: string, low: number | null, high: number | null): string {
  if (low === null || high === null) return "–";
  return OTHER_UNITS.test(name) ? `${signed(low, 2)} to ${signed(high, 2)}` : `${signed(low * 100, 1)} to ${signed(high * 100, 1)}`;
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value > 0 ? `+${text}` : text.replace("-", "−");
}

function plain(value: number | null): string {
  return value === null ? "–" : String(Math.round(value * 1000) / 1000);
}

function when(at: string | null): string {
  const date = at === null ? NaN : Date.parse(at);
  return Number.isNaN(date) ? "" : new Date(date).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
}

function section(title: string, ...children: readonly Child[]): HTMLElement {
  return make("section", { "aria-label": title }, make("h2", {}, title), ...children);
}

function table(heads: readonly string[], ...rows: readonly HTMLElement[]): HTMLElement {
  const head = make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)));
  return make("div", { class: "table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function cell(text: string): HTMLElement {
  return make("td", {}, text);
}

function hidden(text: string): HTMLElement {
  return make("span", { class: "hidden-text" }, text);
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
