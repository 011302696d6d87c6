"""The whole loop on one repository, in minutes on two cores: `make train-demo`, or

    python -m whence_training.demo --repo PATH [--base REGISTRY|FILE.gguf] [--anyway] [--out FOLDER]

From history to a model that a server answers with, or to the gate that refused it: both are told as they are. With
`--anyway` a refused model is a challenger all the same, to be looked at. Models of the user stay as they are: those of
the demonstration are in FOLDER. Needs the `[training]` and `[model]` extras.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_indexer.repository import Repository, open_repository
from whence_server.models.choosing import use
from whence_server.models.installed import user_home
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, import_gguf, pull
from whence_server.models.registry import Registry
from whence_training.cli import said
from whence_training.config import Config
from whence_training.configfile import parse_config
from whence_training.errors import BlockedError
from whence_training.evaluation.report import Difference
from whence_training.finetuning.stage import COMPARISON
from whence_training.release.canary import probe
from whence_training.stages import STAGES, open_run, run_stages

_SHOWN = ("accuracy", "token_f1", "rougeL", "citation_precision", "citation_recall", "hallucinated")


@dataclass(frozen=True, slots=True)
class Size:
    """How much: the `questions` that measure, and the `steps` of training."""

    questions: int = 40
    steps: int = 60


_SIZE = Size()


def demonstrate(repository: Repository, base: Path, out: Path, anyway: bool, size: Size) -> bool:
    """Run all stages and tell what came of them; returns whether a new model answers. Raises `WhenceError`."""
    os.environ["XDG_DATA_HOME"] = str(out / "data")
    name, begun = install_base(base), time.monotonic()
    config = config_of(repository.root.name, name, out, anyway, size)
    run = open_run(repository, config, note=_note)
    blocked: list[str] = []
    try:
        for stage, made in run_stages(run, [each.number for each in STAGES]):
            blocked = made.summary.get("blocked", [])
            _note(f"[{time.monotonic() - begun:4.0f} s] {stage.number} {stage.name}: {said(made.summary)}")
    except BlockedError as error:
        blocked = [str(error)]
    if (comparison := run.folder / "4d-evaluate" / COMPARISON).exists():
        print(table(json.loads(comparison.read_text("utf-8"))))
    if blocked:
        print("\nThe gates refused the new model; the one before goes on answering:")
        print("\n".join(f"- {reason}" for reason in blocked))
        return False
    deployed = json.loads((run.folder / "6-deploy" / "deployment.json").read_text("utf-8"))
    registered = json.loads((run.folder / "5-register" / "registration.json").read_text("utf-8"))
    if refused := [gate for gate, passed in registered["gates"].items() if not passed]:
        print(f"\nThe gates refused it ({', '.join(refused)}). For show it is a challenger all the same.")
    question = deployed["canary"][0]["question"]
    (answered,) = probe(repository.root, [question], deployed["model"], 120)
    print(f"\n{deployed['model']} is {deployed['role']}. Asked through the language server: {question}")
    print(f"{answered.model} answered in {answered.seconds:.1f} s; receipts: {answered.cited}")
    return answered.model == deployed["model"] and answered.cited > 0


def install_base(base: Path) -> str:
    """Install the base that answers today, of a registry (its first model) or a file, and use it; its name."""
    home = user_home()
    if base.is_dir():
        registry = Registry(open_place(str(base)))
        manifest = pull(home, registry, reference(min(registry.offers())), Terms())
    else:
        manifest = import_gguf(home, base, Terms())
    use(home, reference(manifest.label))
    return manifest.label


def config_of(domain: str, base: str, out: Path, anyway: bool, size: Size) -> Config:
    """What fits into minutes."""
    told = {
        "domain": domain,
        "paths": {"runs": str(out)},
        "dataset_generator": {
            "train_ratio": 0.6,  # a small repository has few questions, and a table needs some
            # The bundled base answers in sentences of the evidence: names and dates of commits are in none. The server
            # tells those by itself.
            "shares": {"author": 0.0, "date": 0.0, "files": 0.0},
            "gates": {"author": 1.0, "directory": 1.0, "file": 1.0, "extractive": 0.3},
        },
        "finetuning": {
            "base_model": base, "strategy": "steps", "max_steps": size.steps, "learning_rate": 3e-4,
            "save_steps": max(1, size.steps // 3), "retrieved": 0.25, "lora_r": 8, "lora_alpha": 16,
        },
        "evaluation": {"most": size.questions, "suite": 0, "metrics": ["rouge", "token_f1", "perplexity"]},
        "registration": {"anyway": anyway, "licence": "Apache-2.0"},
        "serving": {"policy": "champion", "canary_requests": 3, "timeout": 120},
    }  # fmt: skip
    return parse_config(told, "the demonstration")


def table(comparison: dict[str, object]) -> str:
    """Before and after with 95 % confidence, in lines of text; `comparison` is a `Comparison` as JSON."""
    metrics: dict[str, dict[str, Any]] = comparison["metrics"]  # type: ignore[assignment]
    lines = [f"\n{comparison['samples']} questions that nothing was learnt from, with what search finds:\n",
             f"{'':22}{'before':>9}{'after':>9}   difference (95 %)"]  # fmt: skip
    for name in (*_SHOWN, *(each for each in metrics if each not in _SHOWN)):
        if name in metrics:
            found = Difference(**metrics[name])
            told = found.untold or f"{found.low:+.3f} to {found.high:+.3f}"
            sure = "  beyond chance" if found.sure else ""
            lines.append(f"{name:22}{found.before:9.3f}{found.after:9.3f}   {found.change:+.3f} ({told}){sure}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it from the command line; a refusal by the gates is a result, and exits with 0."""
    parser = argparse.ArgumentParser(prog="whence_training.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--repo", type=Path, default=Path("."))
    parser.add_argument("--base", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, default=Path("dist/train-demo"))
    parser.add_argument("--questions", type=int, default=_SIZE.questions, help="that measure")
    parser.add_argument("--steps", type=int, default=_SIZE.steps, help="of training")
    parser.add_argument("--anyway", action="store_true")
    told = parser.parse_args(arguments)
    size = Size(told.questions, told.steps)
    demonstrate(open_repository(told.repo), told.base.resolve(), told.out.resolve(), told.anyway, size)


def _note(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    main()
