"""The reader in miniature: made, trained a little, written as GGUF, and asked through the worker as it is served."""

from __future__ import annotations

import json
import random
from contextlib import closing

import pytest

from whence_server.generation.drafting import write
from whence_server.generation.prompt import UNKNOWN, system_text
from whence_training.reader.recall import recall_record
from whence_training.reader.records import record_json
from whence_training.reader.tokens import FRAME_WORDS, Codec, train_reader_tokenizer

WORDS = (
    "server retry cache busy delay send open close request answer timeout session token buffer index vector logger "
    "router parser schema thread socket cookie window letter number record reader writer branch commit"
).split()


@pytest.fixture(scope="module")
def codec():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    text = f"{FRAME_WORDS} {system_text('quote')} Question: Evidence: {UNKNOWN} {' '.join(WORDS)} "
    return Codec(train_reader_tokenizer([text + text.title()] * 4, 900))


def test_it_reads_before_it_is_trained(codec):
    import torch

    from whence_training.reader.training import Recipe, new_model

    model, chance = new_model(Recipe(), codec).eval(), random.Random(1)
    right = by_chance = 0.0
    for record in [recall_record(WORDS, chance) for _ in range(40)]:
        example = codec.example(record)
        if record.answer == UNKNOWN or not example.allowed or example.length > 600:
            continue
        place, allowed = example.allowed[0]
        tokens = [*codec.prefix, *example.prompt, *example.answer]
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0, len(codec.prefix) + len(example.prompt) - 1 + place]
        right += allowed[int(logits[list(allowed)].argmax())] == example.answer[place]
        by_chance += 1 / len(allowed)
    assert right > 1.5 * by_chance


def test_the_recipe_runs_stops_goes_on_and_is_asked(codec, tmp_path):
    pytest.importorskip("llama_cpp", reason="make test-model installs llama-cpp-python")
    from whence_server.generation.local import Workers
    from whence_training.gguf_export import write_model
    from whence_training.reader.__main__ import main

    chance = random.Random(2)
    records = [recall_record(WORDS, chance) for _ in range(30)]
    (tmp_path / "records").mkdir()
    lines = "".join(f"{json.dumps(record_json(record))}\n" for record in records)
    (tmp_path / "records" / "somebody+something.jsonl").write_text(lines)
    (tmp_path / "run").mkdir()
    codec.tokenizer.save(str(tmp_path / "run" / "tokenizer.json"))
    for tokens in (1_500, 3_000):
        main(["train", "--records", str(tmp_path / "records"), "--out", str(tmp_path / "run"), "--tokens", str(tokens)])
    curve = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    steps = [int(row.split(",")[0]) for row in curve[1:]]
    assert steps == list(range(1, len(steps) + 1))
    file = write_model(tmp_path / "run" / "model", tmp_path / "reader.gguf")
    record = next(record for record in records if record.answer != UNKNOWN)
    with closing(Workers()) as workers, workers.file(file) as generator:
        written = write(generator, record.question, record.passages)
    said = written.generated.text.split("\n")
    assert said == [UNKNOWN] or set(said) <= {choice.line for choice in record.choices}
