"""The steps of the recipe: projects -> records -> a model -> a registry that offers it. All go on where killed."""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tokenizers import Tokenizer

from whence_server.generation.local import Workers
from whence_server.generation.prompt import VERSION as PROMPT
from whence_server.generation.prompt import system_text, user_text
from whence_server.models.gguffile import read_model
from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish
from whence_training.gguf_export import Quantization, quantize, write_model
from whence_training.reader.card import card
from whence_training.reader.records import Record, project_records, read_record, record_json
from whence_training.reader.tokens import FRAME_WORDS, Codec, train_reader_tokenizer
from whence_training.reader.training import Recipe, steps_done, train
from whence_training.sources import HELD_OUT, SOURCES, excluded

_TOKENIZER_RECORDS = 2_500  # that the tokenizer is learned from; more change no token that matters
_WORD = 3  # times a word must occur to be put into made-up sentences
_VERSION = "0.1"  # of what is exported
_BITS: tuple[Quantization, ...] = ("Q8_0", "Q4_K_M")
_TEXTS, _QUESTIONS = 12, 200  # of held-out projects, that what is exported is measured with


def collect(projects: Path, out: Path, seed: int) -> None:
    """Write the records of each project to a file of its own; one that is there is kept."""
    out.mkdir(parents=True, exist_ok=True)
    found = [projects / _stem(source.project) for source in SOURCES if not excluded(source.project)]
    wanted = [folder for folder in found if folder.is_dir() and not (out / f"{folder.name}.jsonl").exists()]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for folder, records in zip(wanted, pool.map(project_records, wanted, [seed] * len(wanted)), strict=True):
            draft = out / f"{folder.name}.part"
            draft.write_text("".join(f"{json.dumps(record_json(record))}\n" for record in records))
            draft.replace(out / f"{folder.name}.jsonl")
            print(f"{folder.name}: {len(records)} records", file=sys.stderr)


def learn(collected: Path, out: Path, recipe: Recipe) -> None:
    """Train tokenizer and model on the records that `collect` wrote. Goes on where stopped."""
    from whence_training.reader.stream import Stream, examples

    lines = [line for found in load(collected, held_out=False).values() for line in found]
    out.mkdir(parents=True, exist_ok=True)
    drawn = random.Random(recipe.seed).sample(lines, min(len(lines), _TOKENIZER_RECORDS))
    records = [read_record(json.loads(line)) for line in drawn]
    kept = out / "tokenizer.json"
    if not kept.exists():
        frame = FRAME_WORDS + system_text("quote")
        texts = (user_text(record.question, record.passages) for record in records)
        train_reader_tokenizer((*[frame] * 8, *texts), recipe.vocabulary).save(str(kept))
    codec = Codec(Tokenizer.from_file(str(kept)))
    stream = Stream(lines, lexicon(records), codec, recipe, recipe.seed + steps_done(out))
    train(examples(stream), codec, recipe, out)


def export(run: Path, records: Path, out: Path) -> None:
    """Write the model of a run as GGUF in 32, 16, 8 and 4 bits, and print how far each is from it.

    `registry` in `out` offers the one of 16 bits, with what was measured on projects that it has not learned from:
    fewer bits lose the small numbers that stand beside the large ones of its hand-made start.
    """
    from whence_training.fidelity import fidelity
    from whence_training.reader.exam import examine, reader

    out.mkdir(parents=True, exist_ok=True)
    whole = write_model(run / "model", out / "reader-F32.gguf")
    files: dict[str, Path] = {"F32": whole, "F16": write_model(run / "model", out / "reader-F16.gguf", half=True)}
    files |= {bits: quantize(whole, out / f"reader-{bits}.gguf", bits) for bits in _BITS}
    held = [read_record(json.loads(line)) for lines in load(records, held_out=True).values() for line in lines]
    drawn = random.Random(0).sample(held, min(len(held), _QUESTIONS))
    codec = Codec(Tokenizer.from_file(str(run / "tokenizer.json")))
    examples = [codec.example(record) for record in drawn[:_TEXTS]]
    texts = [(*codec.prefix, *example.prompt, *example.answer) for example in examples]
    near = {bits: asdict(fidelity(run / "model", file, texts)) for bits, file in files.items()}
    with closing(Workers()) as workers, workers.file(files["F16"]) as generator:
        marks = asdict(examine(drawn, reader(generator)))
    metrics = {f"{name}_{bits}": value for bits, found in near.items() for name, value in found.items()}
    metrics |= {name: value for name, value in marks.items() if value is not None}
    _offer(out / "registry", files["F16"], metrics)
    print(json.dumps(metrics, indent=1))


def _offer(registry: Path, file: Path, metrics: Mapping[str, float]) -> None:
    """Publish `file` with its card."""
    model = read_model(file)
    registry.mkdir(parents=True, exist_ok=True)
    described = registry / "README.md"
    described.write_text(card(model, _VERSION, metrics))
    manifest = Manifest(
        name="reader",
        version=_VERSION,
        mode="quote",
        base=_blob(file),
        tokenizer=model.tokenizer,
        prompt=PROMPT,
        licence="Apache-2.0",
        created=datetime.now(UTC).date().isoformat(),
        description="Chooses sentences of the evidence. For trying the whole path, and for tests.",
        metrics=metrics,
        files={"README.md": _blob(described)},
    )
    publish(registry, manifest, [file, described], aliases=["champion"])


def _blob(file: Path) -> Blob:
    return Blob(digest_of(file.read_bytes()), file.stat().st_size)


def load(folder: Path, held_out: bool) -> dict[str, list[str]]:
    """Records in JSON by project: of those that are held out, or of the others."""
    held = {_stem(project) for project in HELD_OUT}
    files = [path for path in sorted(folder.glob("*.jsonl")) if (path.stem in held) == held_out]
    if not files:
        raise SystemExit(f"no records in {folder}: collect them first")
    return {path.stem: path.read_text().splitlines() for path in files}


def lexicon(records: Sequence[Record]) -> list[str]:
    """The plain words of the sentences in `records`."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(word.strip(".,;:()`'\"").lower() for choice in record.choices for word in choice.text.split())
    return sorted(word for word, count in counts.items() if count >= _WORD and word.isalpha())


def _stem(project: str) -> str:
    return project.replace("/", "+")
