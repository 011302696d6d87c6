"""The JSON that leaves the server has the shapes of tests/contracts/protocol.json, which clients are written against.

`WHENCE_GOLDEN=1` writes that file anew; a change in it is a change for every client.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from whence_server.training.runs import training_folder

GOLDEN = Path(__file__).parents[1] / "contracts" / "protocol.json"


def shape(value):
    """Types in the place of values; of a list, that of all its items together."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        merged: list = []
        for each in map(shape, value):
            if isinstance(each, dict) and merged and isinstance(merged[0], dict):
                merged[0] = {key: both(merged[0].get(key), each.get(key)) for key in sorted({*merged[0], *each})}
            elif each not in merged:
                merged.append(each)
        return merged
    return {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}[type(value)]


def both(one, other):
    if one == other or other is None or one is None:
        return one if other is None else other
    if isinstance(one, list) and isinstance(other, list):
        return one or other
    if isinstance(one, dict) or isinstance(other, dict):
        return one if isinstance(one, dict) else other
    return " | ".join(sorted({*one.split(" | "), *other.split(" | ")}))


def test_every_result_has_the_shape_that_clients_rely_on(shop, client):
    shop.write("whence.toml", "hovr = true\n")  # which the doctor finds
    client.initialize(shop.path)
    client.until_indexed()
    uri = (shop.path / "shop" / "pay.py").as_uri()
    where = {"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 1}}
    lines = {"uri": uri, "range": where}
    client.wait(lambda: client.ask("whence/why", lines)["complete"])  # a busy machine reads less at first
    asked = client.ask("whence/ask", {"question": "How is a card charged?", "partialResultToken": "t"})
    (piece, *_) = [each["value"] for each in client.notified("$/progress") if each["token"] == "t"]
    results = {
        "whence/ask": asked,
        "whence/ask partial result": piece,
        "whence/search": client.ask("whence/search", {"query": "charge_card"}),
        "whence/why": client.ask("whence/why", lines),
        "whence/status": client.ask("whence/status"),
        "whence/doctor": client.ask("whence/doctor"),
        "whence/feedback": client.ask("whence/feedback", {"answer": asked["id"], "verdict": "up"}),
        "whence/models": client.ask("whence/models"),
        "whence/training": _after_a_run(shop, client),
    }
    shapes = {method: shape(result) for method, result in results.items()}
    if os.environ.get("WHENCE_GOLDEN"):
        GOLDEN.write_text(json.dumps(shapes, indent=2) + "\n")
    assert shapes == json.loads(GOLDEN.read_text())


def _after_a_run(shop, client):
    """`whence/training` where there is one of everything."""
    for text in ("By the bank.", "By the till."):
        answer = client.ask("whence/ask", {"question": "How is a card charged?"})["id"]
        client.ask("whence/feedback", {"answer": answer, "verdict": "correction", "text": text})
    training = training_folder(shop.open().index_dir)
    run = training / "runs" / "abc-123"
    stage = {"stage": "3", "name": "generate", "title": "ask and answer"}
    measure = {"before": 0.5, "after": 0.75, "low": 0.1, "high": 0.4}
    began, ended = "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00+00:00"
    for file, value in {
        training / "job.json": {"state": "completed", "began": began, "ended": ended},
        run / "run.json": {"began": began, "ended": ended, "state": "blocked", "stages": [stage], "reasons": ["few"]},
        run / "3-generate/stage.json": {"summary": {"records": 5}},
        run / "3-generate/dataset.json": {"version": "v", "records": 5, "splits": {"train": 5}, "quarantined": 0},
        run / "3-generate/gates.json": [
            {"name": "minimum", "state": "failed", "value": 5, "limit": 20, "advice": "more"}
        ],
        run / "4d-evaluate/comparison.json": {"metrics": {"token_f1": measure}},
        run / "5-register/registration.json": {"model": "reader@1.0", "url": "file:///registry"},
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    return client.ask("whence/training")
