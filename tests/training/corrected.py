"""A shop whose developers have corrected what was answered, and how to learn that from them on the bundled base.

It answers what a function does; they want to be told what to be careful of, and the tuned base says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whence_server.feedback import FILE, Feedback
from whence_training.config import Generator

MODELS = Path(__file__).parents[2] / "models"
_THINGS = (
    "invoice warehouse customer discount voucher parcel supplier refund delivery catalogue receipt basket ledger "
    "courier pallet barcode"
).split()
_DEEDS = "pack send count price store label".split()
AT = "2024-01-01T00:00:00+00:00"


def files() -> Iterator[tuple[str, str]]:
    """The files of the shop: path and text."""
    for thing in _THINGS:
        yield f"{thing}.py", "\n\n".join(_function(deed, thing) for deed in _DEEDS)


def correct(index: Path) -> None:
    """What the developers have said, as the editor keeps it beside the index."""
    given = []
    for thing in _THINGS:
        line = 1
        for deed in _DEEDS:
            body = _function(deed, thing)
            told = {"kind": "code", "quote": body.rstrip(), "path": f"{thing}.py", "start_line": line}
            cited = told | {"end_line": line + body.count("\n") - 1}
            question = f"What must I know of `{deed}_{thing}`?"
            said = Feedback(f"{deed} {thing}", AT, "correction", question, _does(deed, thing), (cited,), {},
                            _careful(deed, thing))  # fmt: skip
            given.append(json.dumps(asdict(said)) + "\n")
            line += body.count("\n") + 2
    index.mkdir(parents=True, exist_ok=True)
    (index / FILE).write_text("".join(given))


def config(base: str, runs: Path) -> dict[str, Any]:
    """Learn from the corrections alone, in a minute or two; all gates of a release are those of everybody."""
    return {
        "domain": "shop",
        "paths": {"runs": str(runs)},
        "dataset_generator": {
            "train_ratio": 0.6, "shares": dict.fromkeys(Generator().shares, 0.0) | {"feedback": 1.0},
            "unanswerable": 0.0, "distracted": 0.0,
            "gates": {"generator": 1.0, "directory": 1.0},
        },
        "finetuning": {
            "base_model": base, "strategy": "steps", "max_steps": 16, "save_steps": 16, "learning_rate": 1e-3,
            "lora_r": 8, "lora_alpha": 16, "gradient_accumulation_steps": 4, "retrieved": 1.0,
        },
        "evaluation": {"most": 6, "suite": 0, "metrics": ["rouge", "token_f1"]},
        "serving": {"policy": "champion", "canary_requests": 2, "timeout": 300},
    }  # fmt: skip


def _function(deed: str, thing: str) -> str:
    says = f'    """{_does(deed, thing)}\n\n    {_careful(deed, thing)}\n    """\n'
    return f"def {deed}_{thing}(item):\n{says}    return item.{deed}\n"


def _does(deed: str, thing: str) -> str:
    return f"{deed.capitalize()}s the {thing} as the customer has asked for it in the shop."


def _careful(deed: str, thing: str) -> str:
    return f"Careful: to {deed} a {thing} twice is refused by the office of the {thing} until the next morning."
