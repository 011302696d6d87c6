"""What may have gone wrong in training, by name: measures in, sentences out. One check for each risk. Pure.

They warn, beside the gates, which decide: what fails here may still be the better model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

from whence_training.evaluation.report import Report
from whence_training.finetuning.checkpoints import Checkpoint

_WORSE = 1.05  # times the least validation loss
_FORGOT = 0.15  # of made-up questions, which are few
_CALIBRATED = 0.2  # the most that confidence may be beside the share of right answers


def overfitting(made: Sequence[Checkpoint]) -> Iterator[str]:
    """Whether what was trained on went on being learnt while what was not grew worse."""
    if len(made) < 2 or any(isnan(each.validation_loss) for each in made):
        return
    least = min(made, key=lambda each: each.validation_loss)
    last = made[-1]
    if last.loss < least.loss and last.validation_loss > _WORSE * least.validation_loss:
        yield (
            f"overfitting: the validation loss rose from {least.validation_loss:.3f} ({least.folder.name}) to "
            f"{last.validation_loss:.3f}, while that of training fell; train for fewer epochs or set patience"
        )


def forgetting(before: float, after: float) -> Iterator[str]:
    """Whether it reads worse what is of no repository: shares of made-up questions answered rightly."""
    if after < before - _FORGOT:
        yield (
            f"forgetting: of made-up questions it answers {after:.0%}, the untuned base {before:.0%}; lower the "
            "learning rate or the rank, or mix in general questions (dataset_generator.imports.squad)"
        )


def regression(tuned: Report, others: Sequence[Report]) -> Iterator[str]:
    """Whether it answers worse than what there was."""
    for other in others:
        if tuned.combined is not None and other.combined is not None and tuned.combined < other.combined:
            yield f"regression: it scores {tuned.combined:.4f}, {other.model} {other.combined:.4f}"


def weaknesses(tuned: Report) -> Iterator[str]:
    """Which suites it does worse in than is wanted, and whether its confidence says little of what is right."""
    for name, held in tuned.suites.items():
        if held["rate"] < held.get("wanted", 0.0):
            yield f"{name}: {held['rate']:.1%} as it should be, wanted {held['wanted']:.0%}"
    error = tuned.metrics.get("calibration_error", 0.0)
    if error > _CALIBRATED:
        yield f"calibration: its confidence is beside the share of right answers by {error:.2f}; do not go by it"


def too_large(parameters: int, vocabulary: int, tokens: int, batch: int, memory: int | None) -> Iterator[str]:
    """Whether training does not fit into `memory` bytes: weights of 32 bits, and logits with their gradients."""
    needed = 4 * parameters * 1.3 + 3 * 4 * vocabulary * tokens * batch
    if memory and needed > 0.9 * memory:
        yield (
            f"training needs about {needed / 2**30:.1f} GiB of memory, and there are {memory / 2**30:.1f}: lower "
            "finetuning.batch_size or max_seq_length, or take a smaller base"
        )
