"""The recipe of the bundled reader: a small decoder that answers with sentences of the evidence.

    python -m whence_training.reader collect --projects FOLDER --out RECORDS
    python -m whence_training.reader train --records RECORDS --out RUN [--minutes 100] [--layers 8 ...]
    python -m whence_training.reader export --run RUN --out FOLDER

Needs the `[training]` extra, and `[model]` for the last. FOLDER holds one clone for each of `sources.SOURCES`, named
`owner+name`; the projects of `sources.HELD_OUT` are never learned from: `tests/benchmarks/reader.py` asks about them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path

from tokenizers import Tokenizer

from whence_server.generation.prompt import VERSION as PROMPT
from whence_server.generation.prompt import system_text, user_text
from whence_server.models.gguffile import read_model
from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish
from whence_training.gguf_export import Quantization, quantize, write_model
from whence_training.readertokens import FRAME_WORDS, Codec, train_reader_tokenizer
from whence_training.readertraining import Recipe, steps_done, train
from whence_training.reading import Record, project_records, read_record, record_json
from whence_training.recall import recall_record
from whence_training.sources import HELD_OUT, SOURCES, excluded

_TOKENIZER_RECORDS = 2_500  # that the tokenizer is learned from; more change no token that matters
_WORD = 3  # times a word must occur to be put into made-up sentences
_VERSION = "0.1"  # of what is exported
_BITS: tuple[Quantization, ...] = ("Q8_0", "Q4_K_M")


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


def learn(lines: Sequence[str], out: Path, recipe: Recipe) -> None:
    """Train tokenizer and model on records in JSON; see `readertraining.train`. Goes on where it was stopped."""
    from whence_training.readerstream import Stream, examples

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


def export(run: Path, out: Path) -> None:
    """Write the model of a run as GGUF in 32, 8 and 4 bits, and print how far each is from it.

    `registry` in `out` offers the one of 8 bits.
    """
    from whence_training.fidelity import fidelity

    out.mkdir(parents=True, exist_ok=True)
    whole = write_model(run / "model", out / "reader-F32.gguf")
    files: dict[str, Path] = {"F32": whole}
    files |= {bits: quantize(whole, out / f"reader-{bits}.gguf", bits) for bits in _BITS}
    codec, chance = Codec(Tokenizer.from_file(str(run / "tokenizer.json"))), random.Random(0)
    texts = [(*codec.prefix, *codec.example(recall_record(_SOME_WORDS, chance)).prompt)[:400] for _ in range(6)]
    measured = {bits: asdict(fidelity(run / "model", file, texts)) for bits, file in files.items()}
    smaller = files["Q8_0"]
    manifest = Manifest(
        name="reader",
        version=_VERSION,
        mode="quote",
        base=Blob(digest_of(smaller.read_bytes()), smaller.stat().st_size),
        tokenizer=read_model(smaller).tokenizer,
        prompt=PROMPT,
        licence="Apache-2.0",
        description="Chooses sentences of the evidence. For trying the whole path, and for tests.",
        metrics={f"{name}_{bits}": value for bits, found in measured.items() for name, value in found.items()},
    )
    publish(out / "registry", manifest, [smaller], aliases=["champion"])
    print(json.dumps(measured, indent=1))


def lexicon(records: Sequence[Record]) -> list[str]:
    """The plain words of the sentences in `records`."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(word.strip(".,;:()`'\"").lower() for choice in record.choices for word in choice.text.split())
    return sorted(word for word, count in counts.items() if count >= _WORD and word.isalpha())


def load(folder: Path, held_out: bool) -> dict[str, list[str]]:
    """Records in JSON by project: of those that are held out, or of the others."""
    held = {_stem(project) for project in HELD_OUT}
    files = [path for path in sorted(folder.glob("*.jsonl")) if (path.stem in held) == held_out]
    if not files:
        raise SystemExit(f"no records in {folder}: collect them first")
    return {path.stem: path.read_text().splitlines() for path in files}


def _stem(project: str) -> str:
    return project.replace("/", "+")


_SOME_WORDS = "the server sends a request again when it is busy and waits twice as long before each new attempt".split()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step of the recipe from the command line."""
    parser = argparse.ArgumentParser(prog="whence_training.reader", description=__doc__.partition("\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)
    options: dict[str, tuple[str, ...]] = {
        "collect": ("projects", "out"), "train": ("records", "out"), "export": ("run", "out"),
    }  # fmt: skip
    for step, names in options.items():
        command = steps.add_parser(step)
        for name in names:
            command.add_argument(f"--{name}", type=Path, required=True)
        if step == "train":
            for field in fields(Recipe):
                kind: Callable[[str], object] = type(field.default)
                command.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    chosen = parser.parse_args(arguments)
    if chosen.step == "collect":
        collect(chosen.projects, chosen.out, Recipe.seed)
    elif chosen.step == "train":
        recipe = Recipe(**{field.name: getattr(chosen, field.name) for field in fields(Recipe)})
        learn(
            [record for found in load(chosen.records, held_out=False).values() for record in found], chosen.out, recipe
        )
    else:
        export(chosen.run, chosen.out)


if __name__ == "__main__":
    main()
