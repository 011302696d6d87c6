"""What a run is told: every key with its default, checked; the keys of the energyai pipeline mean the same here.

Values only. What has no meaning for a repository is accepted and named by `remarks`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
# What asks, as `dataset.json` has it behind "rules:"; "" is any of them.
RULES = frozenset(
    "added author changed changelog comment commit comparison date default definition deprecated documentation"
    " explanation files heading howto outcome parameter purpose raises reason release returns review section signature"
    " thread-reason title".split()
)
_IMPORTS = frozenset(("curated", "feedback", "label-studio", "squad"))  # behind "import:"
_SHARES = {"": 0.14, "author": 0.05, "date": 0.05, "files": 0.04, "signature": 0.1, "default": 0.05}


class Section(BaseModel):
    """A section of the file: no unknown keys, and no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paths(Section):
    """Folders. All that a run makes is under `runs`; None: beside the index, outside the work tree."""

    runs: Path | None = None
    raw_data: Path | None = None
    processed_data: Path | None = None
    chunks: Path | None = None
    qa_dataset: Path | None = None


class Collector(Section):
    """Stage 1. `sources` are what is taken of a repository."""

    sources: tuple[Literal["code", "docs", "history", "threads"], ...] = ("code", "docs", "history", "threads")
    exclude: tuple[str, ...] = ()
    query: str | None = None
    num_results: Positive | None = None
    mode: Literal["pdf", "html"] | None = None


class Processor(Section):
    """Stage 2. Evidence of fewer than `min_tokens` is left out, and of more than `max_tokens` not shown."""

    min_tokens: Count = 5
    target_tokens: Positive = 512
    max_tokens: Positive = 600
    near_duplicate: Annotated[float, Field(gt=0, le=1)] = 0.8

    @model_validator(mode="after")
    def _in_order(self) -> Processor:
        if self.min_tokens >= self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} must be below max_tokens {self.max_tokens}")
        return self


class Gates(Section):
    """What must hold of a dataset; see `qa.gates.Limits`. A share of 1 lets one author, file, … be all there is."""

    minimum: Count = 20
    per_category: Count = 3
    few: Count = 5
    imbalance: Annotated[float, Field(ge=1)] = 5.0
    share: Share = 0.5
    author: Share | None = None
    file: Share | None = None
    directory: Share | None = None
    generator: Share | None = None
    extractive: Share = 0.5
    rebalance: bool = False


class Imports(Section):
    """Files of questions from elsewhere; see docs/training.md."""

    squad: tuple[Path, ...] = ()
    squad_ratio: Share = 0.1
    label_studio: tuple[Path, ...] = ()
    curated: tuple[Path, ...] = ()
    facts: tuple[Path, ...] = ()
    feedback: bool = True


class Author(Section):
    """A model that writes: an installed one or a GGUF file, or one at an OpenAI-compatible URL; nobody by default."""

    model: str | None = None
    url: str | None = None
    key_variable: str = "WHENCE_TEACHER_KEY"
    timeout: Positive = 60


class Teacher(Author):
    """A model that asks and answers besides the rules, `most` times; and `judge`, another, which reads all that is."""

    most: Count = 200
    judge: Author = Author()

    @model_validator(mode="after")
    def _two(self) -> Teacher:
        if (self.judge.model or self.judge.url) and (self.judge.model, self.judge.url) == (self.model, self.url):
            raise ValueError("the judge is the teacher itself: name another model, or none")
        return self


class Generator(Section):
    """Stage 3. `shares` are the most that one rule may be of all, "" any; those not given keep their defaults.

    `train_ratio` leaves a half each to tune and to measure.
    """

    max_tokens: Positive = 600
    train_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.8
    model: str | None = None
    seed: int = 42
    novelty: Annotated[float, Field(gt=0, le=1)] = 0.7
    shares: dict[str, Share] = _SHARES
    unanswerable: Share = 0.1
    distractors: Count = 3
    distracted: Share = 0.5
    imports: Imports = Imports()
    teacher: Teacher = Teacher()
    gates: Gates = Gates()

    @field_validator("shares")
    @classmethod
    def _over_defaults(cls, given: dict[str, float]) -> dict[str, float]:
        known = sorted(RULES | _IMPORTS)
        for name in given.keys() - {"", *known}:
            nearest = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
            raise ValueError(f"there is no rule {name}; {hint}")
        return _SHARES | given


class Search(Section):
    """Trials of stage 4b before it trains, none by default: so many drawings, or what `minutes` leave time for.

    Each draws a value of every list; an empty one is not searched. `epochs` is how long a trial trains.
    """

    trials: Count = 0
    minutes: Annotated[float, Field(gt=0)] = 60.0
    epochs: Positive = 1
    lora_r: tuple[Positive, ...] = (8, 16, 32)
    lora_alpha: tuple[Positive, ...] = (16, 32, 64)
    learning_rate: tuple[Annotated[float, Field(gt=0)], ...] = (1e-4, 2e-4, 5e-4, 1e-3)
    batch_size: tuple[Positive, ...] = ()


class Finetuning(Section):
    """Stage 4b, and what 4c chooses by.

    `base_model` is a GGUF file, a Hugging Face folder or an installed model; None is the one in use. `retrieved` is the
    share of examples with the evidence that search finds. `cv` is a number of folds or `loo`; `auto` is `loo` up to 50
    examples and 5 folds above. `max_seq_length` None is all that is served.
    `folds` are the parts of the validation over which a checkpoint must be steady.
    """

    base_model: str | None = None
    train_data: Path | None = None
    output_dir: Path | None = None
    final_model_dir: Path | None = None
    method: Literal["lora", "lm_head"] = "lora"
    quantization: Literal["4bit", "8bit"] | None = None
    lora_r: Positive = 16
    lora_alpha: Positive = 32
    lora_dropout: Share = 0.05
    target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    strategy: Literal["epoch", "steps"] = "epoch"
    epochs: Positive = 3
    max_steps: Positive = 500
    batch_size: Positive = 1
    gradient_accumulation_steps: Positive = 8
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup_ratio: Share = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    max_seq_length: Positive | None = None
    optim: str = "adamw_torch"
    seed: int = 42
    bf16: bool = False
    fp16: bool = False
    gradient_checkpointing: bool = False
    patience: Count = 0
    save_steps: Positive = 100
    cleanup_checkpoints: bool = True
    logging_steps: Positive = 10
    wandb_enabled: bool = False
    wandb_project: str | None = None
    wandb_run_name: str | None = None
    retrieved: Share = 0.5
    adapt_retriever: bool = False
    cv: Annotated[int, Field(ge=2)] | Literal["auto", "loo"] | None = None
    folds: Annotated[int, Field(ge=2)] = 5
    search: Search = Search()
    profile: Literal["cpu", "1gpu", "ddp", "fsdp"] | None = None
    processes: Positive | None = None


class Weights(Section):
    """The parts of the combined score, which sum to 1."""

    bertscore_f1: Share = 0.4
    rougeL: Share = 0.3  # noqa: N815 - the metric's own name, and the file's
    token_f1: Share = 0.2
    rouge1: Share = 0.1

    @model_validator(mode="after")
    def _whole(self) -> Weights:
        total = self.bertscore_f1 + self.rougeL + self.token_f1 + self.rouge1
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the weights sum to {total:g}, not to 1")
        return self


class Evaluation(Section):
    """Stages 4a, 4c and 4d. At most `most` questions of a set are asked (0: all), and `suite` of each suite."""

    base_model: str | None = None
    adapter_path: Path | None = None
    quantization: Literal["4bit", "8bit"] | None = None
    eval_data: Path | None = None
    batch_size: Positive = 16
    max_new_tokens: Positive = 256
    metrics: tuple[Literal["rouge", "bertscore", "token_f1", "bleu", "perplexity"], ...] = (
        "rouge",
        "bertscore",
        "token_f1",
        "bleu",
        "perplexity",
    )
    combined_weights: Weights = Weights()
    output_dir: Path | None = None
    most: Count = 0
    suite: Count = 20


class Promotion(Section):
    """What a model must reach to be registered; see `release.promotion`. Shares and losses are absolute."""

    accuracy_gain: Share = 0.05
    category_floor: Share = 0.3
    curated_accuracy: Share = 0.85
    quantization_loss: Share = 0.01
    category_share: Share = 0.5


class Registration(Section):
    """Stage 5. `registry` is a folder, beside the runs if not named.

    An adapter goes over its base as that is; `merged` writes a model without adapter besides, in the bits of
    `quantization`. `anyway` registers what a gate refuses, marked so, and never to answer everything. `watts`
    is what the machine takes while it trains, of which the card estimates the energy.
    """

    hf_username: str | None = None
    repo_name: str | None = None
    private: bool = False
    registry: Path | None = None
    licence: str = ""
    merged: bool = False
    quantization: Literal["Q8_0", "Q4_K_M"] | None = None
    anyway: bool = False
    upload: bool = False
    mlflow: Path | None = None
    retries: Count = 1
    watts: Annotated[float, Field(gt=0)] | None = None
    gates: Promotion = Promotion()

    @model_validator(mode="after")
    def _of_whole_models(self) -> Registration:
        if self.quantization and not self.merged:
            raise ValueError(
                f"quantization {self.quantization} is for merged: true; an adapter keeps its base as it is"
            )
        return self


class Serving(Section):
    """Stage 6. `policy` is what a new model becomes: it answers all, `share` per cent, or is only there to be used."""

    vllm_host: str | None = None
    vllm_port: Positive | None = None
    api_port: Positive | None = None
    timeout: Positive = 60
    max_model_len: Positive | None = None
    gpu_memory_utilization: Share | None = None
    warmup_on_start: bool = True
    api_token: str | None = None
    policy: Literal["champion", "challenger", "offer"] = "challenger"
    share: Annotated[int, Field(ge=1, le=100)] = 5
    everywhere: bool = False
    canary: tuple[str, ...] = ()
    canary_requests: Positive = 5


class Monitoring(Section):
    """Stage 7. Means are exponentially weighted, `weight` on the newest; nothing is said of fewer than `least` events.

    `drift` is the population stability index from which questions have changed.
    """

    weight: Annotated[float, Field(gt=0, le=1)] = 0.1
    least: Positive = 20
    satisfaction: Share = 0.6
    corrections: Share = 0.3
    abstention: Share = 0.5
    drift: Annotated[float, Field(gt=0)] = 0.25


class Buffer(Section):
    """How much that is new starts a run: commits, closed issues, merged pull requests and changed documents."""

    min: Positive = 50


class Triggers(Section):
    """`whence-train serve`: what starts a run; looked for `every` so many seconds. 0 corrections start none.

    Without `auto_train` it is only told that there is enough. `cron` runs by the clock besides.
    """

    buffer: Buffer = Buffer()
    corrections: Count = 20
    degradation: bool = True
    auto_train: bool = True
    cron: str | None = None
    every: Positive = 300
    webhook: HttpUrl | None = None


class Config(Section):
    """The whole file."""

    domain: str = "repository"
    use_case: str = "qa"
    paths: Paths = Paths()
    data_collector: Collector = Collector()
    data_processor: Processor = Processor()
    dataset_generator: Generator = Generator()
    finetuning: Finetuning = Finetuning()
    evaluation: Evaluation = Evaluation()
    registration: Registration = Registration()
    serving: Serving = Serving()
    monitoring: Monitoring = Monitoring()
    triggers: Triggers = Triggers()


_ELSEWHERE = {
    "finetuning": ("output_dir", "final_model_dir", "wandb_project", "wandb_run_name"),
    "evaluation": ("base_model", "adapter_path", "quantization", "batch_size", "max_new_tokens", "output_dir"),
    "paths": ("raw_data", "processed_data", "chunks", "qa_dataset"),
    "data_collector": ("query", "num_results", "mode"),
    "serving": ("vllm_host", "vllm_port", "api_port", "max_model_len", "gpu_memory_utilization", "api_token"),
}


def remarks(config: Config) -> Iterator[str]:
    """What of a file is accepted and yet has no effect, or another than it says; one sentence each."""
    for section, names in _ELSEWHERE.items():
        given = getattr(config, section)
        for name in names:
            if name in given.model_fields_set and getattr(given, name) is not None:
                yield f"{section}.{name} has no effect here"
    if config.dataset_generator.model is not None:
        yield "dataset_generator.model has no effect: who writes questions is named in dataset_generator.teacher"
    processor = config.data_processor
    if processor.target_tokens > processor.max_tokens:
        yield f"data_processor.target_tokens is above max_tokens; {processor.max_tokens} is used for both"
    yield from _tuning_remarks(config.finetuning)


def _tuning_remarks(told: Finetuning) -> Iterator[str]:
    if told.optim.startswith("paged"):
        yield f"finetuning.optim {told.optim} needs CUDA; elsewhere adamw_torch is used"
    elif told.optim not in ("adamw_torch", "sgd"):
        yield f"finetuning.optim {told.optim} is not known; adamw_torch is used"
    if told.wandb_enabled:
        yield "finetuning.wandb_enabled has no effect: nothing leaves this machine; log.jsonl has what was logged"
    if told.method == "lm_head" and "target_modules" in told.model_fields_set:
        yield "finetuning.target_modules has no effect with method lm_head"
    if told.strategy == "epoch" and "max_steps" in told.model_fields_set:
        yield "finetuning.max_steps has no effect with strategy epoch"
