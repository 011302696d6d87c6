"""The card of a model: what it is, how it was made and measured, what it may be used for, and where it fails. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from whence_server.models.manifest import Manifest
from whence_training.config import Config
from whence_training.evaluation.report import Comparison, Report
from whence_training.qa.gates import Gate

_LIMITS = """It answers about one repository, at the state it was trained on, with the evidence that Whence finds;
without evidence it knows nothing. Most of its questions were made by rule from documentation, code and history, so that
the measures say little of questions that people ask otherwise. Text of the repository is in its weights: whoever may
not read the one should not have the other.
"""


def model_card(
    manifest: Manifest,
    comparison: Comparison,
    champion: Report | None,
    gates: Sequence[Gate],
    risks: Sequence[str],
    method: Mapping[str, Any],
    data: Mapping[str, Any],
    config: Config,
) -> str:
    """The card in Markdown, with the header that Hugging Face reads."""
    licence = manifest.licence or "not stated; what it has learnt is under the licence of the repository"
    about = [
        ("Name", f"{manifest.name}-v{manifest.version}"),
        ("Base", f"{config.finetuning.base_model or 'the bundled reader'} ({manifest.base.digest})"),
        ("Answers", f"in mode {manifest.mode}, prompt {manifest.prompt}"),
        ("Dataset", f"{manifest.data}, {data.get('records', 0):,} records, commit {data.get('commit') or 'none'}"),
        ("Date", manifest.created),
        ("Licence", licence),
    ]
    return "\n".join(
        [
            *_header(manifest),
            f"# {manifest.name} {manifest.version}\n",
            *_table(("what", "value"), about),
            "## Training\n",
            *_table(("what", "value"), sorted((name, str(value)) for name, value in method.items())),
            f"## Measured\n\nOver the {comparison.samples} questions kept apart for this, the differences with 95 % "
            "confidence (paired bootstrap).\n",
            *_table(("measure", "base", "this", "difference"), _differences(comparison)),
            f"Answered rightly by the base alone {comparison.correct.before_only}, by this alone "
            f"{comparison.correct.after_only} (McNemar's p {comparison.correct.p:.3f}).\n",
            *_measures(manifest, champion),
            "## Gates\n",
            *_table(("gate", "state", "value", "limit"),
                    ((g.name, g.state, f"{g.value:g}", f"{g.limit:g}") for g in gates)),
            *(["## Risks\n", *_table(("seen in its evaluation",), ([risk] for risk in risks))] if risks else []),
            f"## Limits\n\n{_LIMITS}",
        ]
    )  # fmt: skip


def _header(manifest: Manifest) -> list[str]:
    licence = [f"license: {manifest.licence.lower()}"] if manifest.licence else []
    return ["---", *licence, "library_name: gguf", "tags: [whence, lora, question-answering]", "---\n"]


def _differences(comparison: Comparison) -> Iterable[tuple[str, ...]]:
    for name, found in comparison.metrics.items():
        yield (
            name, f"{found.before:.4f}", f"{found.after:.4f}",
            f"{found.change:+.4f} ({found.untold or f'{found.low:+.4f} to {found.high:+.4f}'})",
        )  # fmt: skip


def _measures(manifest: Manifest, champion: Report | None) -> list[str]:
    """All that this one has, beside those of what answered before it where that was not the base."""
    head = ["measure", "this", *([f"{champion.model}, which answered before"] if champion else [])]
    before = {**champion.metrics, "combined": champion.combined} if champion else {}
    shown = {name: (value, before.get(name)) for name, value in manifest.metrics.items()}
    rows = ([name, *("–" if each is None else f"{each:.4f}" for each in both)] for name, both in shown.items())
    return _table(head, (row[: len(head)] for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; text of a repository cannot end a cell or a row."""
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in line)} |" for line in lines), ""]
