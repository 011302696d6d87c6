// A state of the training with one of everything, for tests.
import type { Example, Training, TrainingRun } from "./protocol";

const cited = { id: 1, kind: "code", path: "pay.py", start_line: 4, end_line: 6, commit: null, thread: null, url: null, quote: "def charge():", uri: "file:///shop/pay.py" };

export const anExample: Example = {
  id: "a", at: "2026-01-01T00:00:00+00:00", kind: "correction", category: "code", type: "why", question: "Why once?", answer: "The bank repeats.",
  given: "By the till. [1]", evidence: [cited], learnt: true, flags: [],
};

export const aRun: TrainingRun = {
  name: "abc-123", status: "completed", began: "2026-01-01T00:00:00+00:00", ended: "2026-01-01T01:00:00+00:00", reasons: [],
  stages: [
    { stage: "3", name: "generate", title: "ask and answer", state: "done", said: [{ name: "records", value: "1,234" }] },
    { stage: "4b", name: "train", title: "fine-tune", state: "done", said: [] },
  ],
  data: { version: "v", examples: 40, train: 30, validation: 5, test: 5, quarantined: 2 },
  measures: [
    { name: "token_f1", before: 0.5, after: 0.6, low: -0.05, high: 0.25 },
    { name: "accuracy", before: 0.75, after: 0.87, low: 0.02, high: 0.22 },
    { name: "perplexity", before: 3.5, after: 2.25, low: null, high: null },
  ],
  gates: [
    { name: "minimum", state: "passed", value: 40, limit: 20, advice: "index more" },
    { name: "imbalance", state: "warned", value: 6.125, limit: 5, advice: "collect more of the rarest" },
  ],
  model: "shop-qa-lora@1.0", can_export: true,
};

export const aTraining: Training = {
  available: true, how: "", command: "",
  statistics: {
    corrections: 25, confirmations: 50, learnt: 24, ratio: 0.5, flagged: 1, minimum: 20, ready: true, told: "25 corrections collected, ready to train",
    categories: [{ name: "code", corrections: 25, confirmations: 50 }], types: [{ name: "why", corrections: 25, confirmations: 50 }],
  },
  examples: [anExample, { ...anExample, id: "b", answer: "For no reason.", learnt: false, flags: [{ fault: "conflict", others: ["a"] }] }],
  job: null, runs: [aRun],
  active: { champion: "shop-qa-lora@1.0", challenger: null, previous: "reader@1.0", share: 0 },
  root: "file:///shop",
};
