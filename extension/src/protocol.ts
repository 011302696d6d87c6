// What goes over the wire, as docs/protocol.md has it: the mirror of the server's `protocol.py`.
// Everything that comes in is `unknown` until one of these schemas has read it. Keys that are not listed are passed over.
import * as v from "valibot";

const Position = v.object({ line: v.number(), character: v.number() });
export const Range = v.object({ start: Position, end: Position });
export type Range = v.InferOutput<typeof Range>;

/** What the commands on lines take. */
export const Lines = v.object({ uri: v.string(), range: Range });
export type Lines = v.InferOutput<typeof Lines>;

// What requests take. A key that has no value is left out.
const optional = v.optional;
export const AskParams = v.object({
  question: v.string(),
  uri: optional(v.string()),
  range: optional(Range),
  root: optional(v.string()),
  conversation: optional(v.string()),
  model: optional(v.string()),
  partialResultToken: optional(v.union([v.string(), v.number()])),
});
export type AskParams = v.InferOutput<typeof AskParams>;

export const SearchParams = v.object({
  query: v.string(),
  limit: optional(v.number()),
  kinds: optional(v.array(v.picklist(["code", "doc", "commit", "issue", "pull"]))),
  under: optional(v.string()),
  root: optional(v.string()),
});
export type SearchParams = v.InferOutput<typeof SearchParams>;

export const StatusParams = v.object({ root: optional(v.string()) });
export type StatusParams = v.InferOutput<typeof StatusParams>;

export const FeedbackParams = v.object({
  answer: v.string(),
  verdict: v.picklist(["up", "down", "correction", "note"]),
  text: optional(v.string()),
  question: optional(v.string()),
  given: optional(v.lazy(() => Answer)),
  root: optional(v.string()),
});
export type FeedbackParams = v.InferOutput<typeof FeedbackParams>;
export type Verdict = FeedbackParams["verdict"];

export const ModelsParams = v.object({ root: optional(v.string()), registry: optional(v.string()) });
export type ModelsParams = v.InferOutput<typeof ModelsParams>;

/** What the commands on models take. */
export interface PullParams {
  readonly model: string;
  readonly registry?: string;
}
export interface UseParams {
  readonly model: string;
  readonly root?: string | undefined;
}

// What they give back.
export const Citation = v.object({
  id: v.number(),
  kind: v.string(),
  path: v.nullable(v.string()),
  start_line: v.nullable(v.number()),
  end_line: v.nullable(v.number()),
  commit: v.nullable(v.string()),
  thread: v.nullable(v.number()),
  url: v.nullable(v.string()),
  quote: v.string(),
  uri: v.nullable(v.string()),
});
export type Citation = v.InferOutput<typeof Citation>;

const ModelName = v.object({ name: v.string(), version: v.nullable(v.string()) });

export const Answer = v.object({
  answer: v.string(),
  confidence: v.number(),
  abstained: v.boolean(),
  citations: v.array(Citation),
  source: v.object({ commit: v.nullable(v.string()), issue_id: v.nullable(v.number()) }),
  model: ModelName,
  timings: v.object({ retrieve: v.number(), first_token: v.number(), total: v.number() }),
  stale: v.boolean(),
  id: v.string(),
  conversation: v.string(),
  partial: v.boolean(),
  root: v.string(),
});
export type Answer = v.InferOutput<typeof Answer>;

const Change = v.object({
  commit: v.string(),
  date: v.string(),
  author: v.string(),
  subject: v.string(),
  lines: v.array(v.array(v.number())),
  threads: v.array(v.number()),
  earlier: v.boolean(),
  change: v.nullable(v.string()),
});

export const Explanation = v.object({
  ...Answer.entries,
  history: v.array(Change),
  uncommitted: v.array(v.array(v.number())),
  seen_through: v.array(v.object({ commit: v.string(), kind: v.string() })),
  shallow: v.boolean(),
  complete: v.boolean(),
  recorded: v.boolean(),
});
export type Explanation = v.InferOutput<typeof Explanation>;

export const Piece = v.object({ text: v.string() });

const Hit = v.object({
  kind: v.string(),
  path: v.nullable(v.string()),
  start_line: v.nullable(v.number()),
  end_line: v.nullable(v.number()),
  symbol: v.nullable(v.string()),
  commit: v.nullable(v.string()),
  thread: v.nullable(v.number()),
  url: v.nullable(v.string()),
  score: v.number(),
  text: v.string(),
  uri: v.nullable(v.string()),
});

export const Found = v.object({
  hits: v.array(Hit),
  seconds: v.number(),
  stale: v.boolean(),
  partial: v.boolean(),
  root: v.string(),
});
export type Found = v.InferOutput<typeof Found>;

const Index = v.object({
  adapted: v.unknown(),
  chunks: v.number(),
  commits: v.number(),
  dimension: v.number(),
  embedder: v.string(),
  files: v.number(),
  fresh: v.boolean(),
  head: v.nullable(v.string()),
  hunks: v.number(),
  index_bytes: v.number(),
  indexed_at: v.nullable(v.string()),
  memory_bytes: v.number(),
  pending: v.object({ commits: v.number(), files: v.number() }),
  redacted: v.record(v.string(), v.unknown()),
  schema: v.number(),
  sources: v.array(v.unknown()),
  threads: v.number(),
  vectors: v.number(),
});

/** The server's settings with the values that hold where nobody set them; docs/protocol.md, "Settings". */
export const ServerSettings = v.object({
  hover: v.boolean(),
  codeLens: v.boolean(),
  links: v.boolean(),
  index: v.boolean(),
  history: v.boolean(),
  model: v.string(),
  unsupported: v.string(),
  minTrainingExamples: v.number(),
  trainingConfig: v.string(),
});
export type ServerSettings = v.InferOutput<typeof ServerSettings>;

export const Roles = v.object({
  champion: v.nullable(v.string()),
  challenger: v.nullable(v.string()),
  previous: v.nullable(v.string()),
  share: v.number(),
});

const Root = v.object({
  root: v.string(),
  indexing: v.boolean(),
  paused: v.boolean(),
  problem: v.nullable(v.string()),
  settings: ServerSettings,
  active: Roles,
  index: v.nullable(Index),
});
export type Root = v.InferOutput<typeof Root>;

export const Status = v.object({ roots: v.array(Root), can_run: v.boolean() });
export type Status = v.InferOutput<typeof Status>;

const Check = v.object({
  what: v.string(),
  ok: v.boolean(),
  problem: v.nullable(v.string()),
  fix: v.nullable(v.string()),
  root: v.nullable(v.string()),
});

export const Examined = v.object({ checks: v.array(Check) });

export const Kept = v.object({ id: v.string() });

export const Installed = v.object({
  ...ModelName.entries,
  roles: v.array(v.string()),
  quantization: v.nullable(v.string()),
  size_bytes: v.number(),
  memory_bytes: v.nullable(v.number()),
});

/** A model that can be pulled by its name; sizes are in GB. */
const Preset = v.object({ name: v.string(), spec: v.string(), size: v.number(), memory: v.number(), about: v.string() });

export const Models = v.object({
  models: v.array(Installed),
  roles: Roles,
  partial: v.array(v.string()),
  own: v.boolean(),
  trial: v.record(v.string(), v.unknown()),
  presets: v.array(Preset),
  offers: v.array(v.object({ name: v.string(), versions: v.array(v.string()) })),
  setting: v.string(),
  can_run: v.boolean(),
});
export type Models = v.InferOutput<typeof Models>;

const Count = v.object({ name: v.string(), corrections: v.number(), confirmations: v.number() });

const Statistics = v.object({
  corrections: v.number(),
  confirmations: v.number(),
  learnt: v.number(),
  ratio: v.nullable(v.number()),
  categories: v.array(Count),
  types: v.array(Count),
  flagged: v.number(),
  minimum: v.number(),
  ready: v.boolean(),
  told: v.string(),
});

/** Feedback that can be learnt from. `flags` say what is amiss, and with which others. */
const Example = v.object({
  id: v.string(),
  at: v.string(),
  kind: v.string(),
  category: v.string(),
  type: v.string(),
  question: v.string(),
  answer: v.string(),
  given: v.string(),
  evidence: v.array(Citation),
  learnt: v.boolean(),
  flags: v.array(v.object({ fault: v.string(), others: v.array(v.string()) })),
});
export type Example = v.InferOutput<typeof Example>;

const Stage = v.object({
  stage: v.string(),
  name: v.string(),
  title: v.string(),
  state: v.string(),
  said: v.array(v.object({ name: v.string(), value: v.string() })),
});

/** A run of the training, from its folder; what is not there yet is null or empty. */
const TrainingRun = v.object({
  name: v.string(),
  status: v.string(),
  began: v.nullable(v.string()),
  ended: v.nullable(v.string()),
  reasons: v.array(v.string()),
  stages: v.array(Stage),
  data: v.nullable(
    v.object({ version: v.string(), examples: v.number(), train: v.number(), validation: v.number(), test: v.number(), quarantined: v.number() }),
  ),
  measures: v.array(
    v.object({ name: v.string(), before: v.nullable(v.number()), after: v.nullable(v.number()), low: v.nullable(v.number()), high: v.nullable(v.number()) }),
  ),
  gates: v.array(v.object({ name: v.string(), state: v.string(), value: v.nullable(v.number()), limit: v.nullable(v.number()), advice: v.string() })),
  model: v.nullable(v.string()),
  can_export: v.boolean(),
});
export type TrainingRun = v.InferOutput<typeof TrainingRun>;

export const TrainingParams = v.object({ root: optional(v.string()) });

export const Training = v.object({
  available: v.boolean(),
  how: v.string(),
  command: v.string(),
  statistics: Statistics,
  examples: v.array(Example),
  job: v.nullable(v.object({ state: v.string(), began: v.nullable(v.string()), ended: v.nullable(v.string()), message: v.string() })),
  runs: v.array(TrainingRun),
  active: Roles,
  root: v.string(),
});
export type Training = v.InferOutput<typeof Training>;

/** With these words the title of the progress of what is made begins: an index, a model; and what is told of training. */
export const INDEXING_TITLE = "Whence: indexing";
export const TRAINING_TITLE = "Whence: training";

export const Reindexed = v.object({ roots: v.array(v.string()) });

/** Each request of our own: what it takes and gives. */
export const METHODS = {
  "whence/ask": { params: AskParams, result: Answer },
  "whence/search": { params: SearchParams, result: Found },
  "whence/why": { params: Lines, result: Explanation },
  "whence/status": { params: StatusParams, result: Status },
  "whence/doctor": { params: StatusParams, result: Examined },
  "whence/feedback": { params: FeedbackParams, result: Kept },
  "whence/models": { params: ModelsParams, result: Models },
  "whence/training": { params: TrainingParams, result: Training },
} as const;

/** The server's commands on lines; each gives an answer. */
export const LINE_COMMANDS = ["whence.explain", "whence.why", "whence.who", "whence.similar"] as const;
export type LineCommand = (typeof LINE_COMMANDS)[number];

/** JSON-RPC's code of a request that was cancelled. */
export const CANCELLED = -32800;
