"""An answer made of quotations -> one that a model wrote from the same evidence, or the quotations and what went wrong.

Takes what `answering` found and a `Generator`. Every passage that the model sees has been verified, and so has every
citation of its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from whence_indexer.types import Citation
from whence_server import extractive
from whence_server.errors import GenerationError, LoadingError, UnquotableError
from whence_server.generation.confidence import calibrated
from whence_server.generation.drafting import Unsupported, Written, write
from whence_server.generation.generator import Check, Generator, Told
from whence_server.generation.writing import declines
from whence_server.markup import plain
from whence_server.passages import Passage
from whence_server.types import Answer, Timings

PASSAGES = 8  # that a model is shown, where they fit into its context
_FAILED = "_No model wrote this: {}. These are quotations._"
_UNBORNE = "_Nothing that {} wrote is borne out by a passage that it cites. These are quotations._"
_TRIMMED = "_{} passage(s) of the evidence had no room in the model's context._"
_DROPPED = "_{} sentence(s) that the evidence does not bear out were left out._"


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes, and how: `told` hears the text as it comes, `unsupported` sentences are marked or dropped, and
    `asker` names whose turn it takes among those who ask at once. `ended` hears whether it could."""

    generator: Generator
    told: Told = lambda text: None
    unsupported: Unsupported = "mark"
    asker: str = ""
    ended: Callable[[bool], object] = lambda well: None


def compose(
    quotations: Answer,
    question: str,
    passages: Sequence[Passage],
    cite: Callable[[int, Passage], Citation],
    writing: Writing,
    check: Check,
    elapsed: Callable[[], float],
) -> Answer:
    """What the model writes about `passages`, all verified, best first; `quotations` where it does not.

    `cite` makes the citation of a passage by its number; `check` may raise to end this; `elapsed` are the seconds
    since the question.
    """
    begun = elapsed()
    generator = writing.generator
    try:
        written = write(generator, question, passages, writing.told, check, writing.unsupported, writing.asker)
    except GenerationError as error:
        if not isinstance(error, (LoadingError, UnquotableError)):  # which say nothing of the model
            writing.ended(False)
        return _noted(quotations, _FAILED.format(plain(str(error)).rstrip(".")))
    writing.ended(True)
    timings = Timings(quotations.timings.retrieve, round(begun + written.first_token, 4), round(elapsed(), 4))
    confidence = calibrated(quotations.confidence, written.generated.logprobs, generator.calibration)
    declined = declines(written.generated.text)
    if declined or (written.cited and confidence < extractive.ABSTAIN_BELOW):
        nearest = passages[: len(quotations.citations)]
        text = extractive.ABSTENTION + extractive.render("", nearest, quotations.citations)
        confidence = round(confidence / 2 if declined else confidence, 3)
        given = replace(quotations, text=text, abstained=True, confidence=confidence)
        return replace(given, model=generator.model, timings=timings)
    if not written.cited:
        return replace(_noted(quotations, _UNBORNE.format(generator.model.name)), timings=timings)
    citations = tuple(cite(number, written.evidence[number - 1]) for number in sorted(written.cited))
    receipts = extractive.render("", [written.evidence[citation.id - 1] for citation in citations], citations)
    text = "\n\n".join([written.text, receipts, *_notes(written, writing.unsupported)])
    given = replace(quotations, text=text, confidence=round(confidence, 3), citations=citations)
    return replace(given, model=generator.model, timings=timings)


def _notes(written: Written, unsupported: Unsupported) -> list[str]:
    dropped = written.unsupported if unsupported == "drop" else 0
    told = ((_TRIMMED, written.trimmed), (_DROPPED, dropped))
    return [note.format(count) for note, count in told if count]


def _noted(answer: Answer, note: str) -> Answer:
    return replace(answer, text=f"{answer.text}\n\n{note}")
