// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import type { Training } from "../protocol";
import { anExample, aRun, aTraining } from "../training.fake";
import type { FromTraining } from "../trainingMessages";
import { type Kept, SECTIONS } from "./trainingView";

const said: FromTraining[] = [];
let kept: Kept;
const show = (name: keyof typeof SECTIONS, told: Partial<Training> = {}): HTMLElement => SECTIONS[name].draw({ ...aTraining, ...told }, (message) => said.push(message), kept);
const press = (box: HTMLElement, label: string): void =>
  [...box.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === label || each.textContent === label)?.click();
const rows = (box: HTMLElement, selector = "tr"): string[] => [...box.querySelectorAll(selector)].map((row) => [...row.children].map((each) => each.textContent).join(" | "));

beforeEach(() => {
  said.length = 0;
  kept = { drafts: new Map(), open: new Set(), most: 20, installs: true };
});

describe("what can be done now", () => {
  it("is to train where enough is collected", () => {
    const box = show("now");
    expect(box.querySelector("h2")?.textContent).toBe("25 corrections collected, ready to train");
    press(box, "Start Training");
    expect(said).toEqual([{ type: "start", anyway: false }]);
  });

  it("is to wait, or to train anyway, where it is not", () => {
    const box = show("now", { statistics: { ...aTraining.statistics, learnt: 19, ready: false, told: "19 corrections collected; 1 more to go" } });
    press(box, "Start Training");
    expect(said).toEqual([]);
    expect(box.querySelector("[disabled]")?.getAttribute("title")).toBe("Needs 20 corrections that can be learnt from; there are 19");
    press(box, "Train Anyway");
    expect(said).toEqual([{ type: "start", anyway: true }]);
  });

  it("is to install what is missing", () => {
    const lacking = { available: false, how: "Training needs peft", command: "/venv/bin/python -m pip install peft" };
    const box = show("now", lacking);
    expect(box.textContent).not.toMatch(/Start Training|pip/);
    press(box, "Install…");
    kept.installs = false; // a server of one's own
    press(show("now", lacking), "Copy Command");
    expect(said).toEqual([{ type: "run", command: "whence.installTraining" }, { type: "copy", text: lacking.command }]);
  });

  it("is to watch a run and stop it", () => {
    const stages = [{ ...aRun.stages[0], state: "done" }, { ...aRun.stages[1], state: "running" }] as Training["runs"][0]["stages"];
    const box = show("now", { job: { state: "running", began: null, ended: null, message: "epoch 2 of 3" }, runs: [{ ...aRun, status: "training", stages }] });
    expect([...box.querySelectorAll(".stages li")].map((each) => each.textContent)).toEqual(["3 ask and answer: done", "4b fine-tune: running"]);
    expect(box.querySelector(".status")?.textContent).toBe("Training…");
    expect(box.querySelector(".message")?.textContent).toBe("epoch 2 of 3");
    press(box, "Stop Training");
    expect(said).toEqual([{ type: "stop" }]);
  });

  it("is not to stop what a terminal began, and says why a run was held back", () => {
    expect(show("now", { runs: [{ ...aRun, status: "evaluating" }] }).querySelectorAll("button")).toHaveLength(0);
    const held = show("now", { job: { state: "blocked", began: null, ended: null, message: "blocked: minimum: 7, limit 20" } });
    expect(held.querySelector("[role=alert]")?.textContent).toBe("blocked: minimum: 7, limit 20");
  });
});

describe("a run", () => {
  it("has its result and gain in its row, and all else in its details", () => {
    const box = show("runs");
    expect(rows(box, "tbody > tr")[0]).toMatch(/: completed \| 40 \| Accuracy 87 % \(\+12\)$/);
    const details = box.querySelector<HTMLElement>("tr.details");
    expect(details?.hidden).toBe(true);
    box.querySelector<HTMLElement>("[aria-expanded]")?.click();
    expect(details?.hidden).toBe(false);
    expect(rows(details as HTMLElement)).toEqual(expect.arrayContaining([
      "accuracy | 75 % | 87 % | +2.0 to +22.0", "perplexity | 3.50 | 2.25 | –", "imbalance: warned | 6.125 | 5",
    ]));
    expect(details?.textContent).toContain("30 to learn from, 5 to choose by, 5 to measure; 2 refused");
    press(box, "Deploy");
    press(box, "Export…");
    expect(said).toEqual([{ type: "deploy", run: "abc-123" }, { type: "export", run: "abc-123" }]);
    expect(show("runs").querySelector<HTMLElement>("tr.details")?.hidden).toBe(false); // drawn anew it is still open
  });

  it("that was held back has no model to deploy, and its reason", () => {
    const box = show("runs", { runs: [{ ...aRun, status: "blocked", reasons: ["minimum: 7, limit 20"], model: null, can_export: false, measures: [], data: null }] });
    expect(rows(box, "tbody > tr")[0]).toMatch(/: blocked \| – \| –$/);
    expect(box.textContent).toContain("minimum: 7, limit 20");
    expect(box.textContent).not.toContain("Deploy");
  });
});

describe("an example", () => {
  it("says what is amiss, opens its evidence and can be deleted", () => {
    const box = show("examples");
    expect([...box.querySelectorAll(".flag")].map((each) => each.textContent)).toEqual(["Contradicts another: The bank repeats."]);
    expect(box.textContent).toContain("not learnt from");
    press(box, "Open its evidence");
    press(box, "Delete");
    expect(said).toEqual([{ type: "open", example: "a" }, { type: "delete", id: "a" }]);
  });

  it("is put right, and what is being written stays where it is drawn anew", () => {
    const box = show("examples");
    press(box, "Change the answer");
    const field = box.querySelector("textarea") as HTMLTextAreaElement;
    expect(field.value).toBe("The bank repeats.");
    field.value = "The bank repeats its answers.";
    field.dispatchEvent(new Event("input"));
    const again = show("examples");
    expect(again.querySelector("textarea")?.value).toBe("The bank repeats its answers.");
    again.querySelector("form")?.requestSubmit();
    expect(said).toEqual([{ type: "fix", id: "a", text: "The bank repeats its answers." }]);
    expect(again.querySelector("form")).toBeNull();
  });

  it("is one of many, which are shown when they are wanted", () => {
    const many = Array.from({ length: 50 }, (_, place) => ({ ...anExample, id: String(place) }));
    const box = show("examples", { examples: many });
    expect(box.querySelectorAll("article")).toHaveLength(20);
    press(box, "Show All 50");
    expect(box.querySelectorAll("article")).toHaveLength(50);
  });

  it("is text, whatever it holds", () => {
    const box = show("examples", { examples: [{ ...anExample, question: "<img src=x onerror=alert(1)>", answer: "<b>[x](command:y)</b>" }] });
    expect(box.querySelector("img, b, a")).toBeNull();
  });
});

it("counts by category and type in tables that can be read aloud", () => {
  const box = show("counts");
  expect(rows(box)).toEqual(["Category | Corrections | Confirmations", "code | 25 | 50", "all | 25 | 50", "Type | Corrections | Confirmations", "why | 25 | 50"]);
  expect(box.querySelectorAll("th[scope=col]")).toHaveLength(6);
  expect(box.textContent).toContain("0.50 corrections for each confirmation; 1 to look at");
});

it("names the model that answers, and rolls it back", () => {
  const box = show("model");
  expect(box.textContent).toContain("shop-qa-lora@1.0");
  press(box, "Roll Back");
  expect(said).toEqual([{ type: "rollBack" }]);
  expect(show("model", { active: { champion: null, challenger: null, previous: null, share: 0 } }).textContent).toContain("Quotations, no model");
});
