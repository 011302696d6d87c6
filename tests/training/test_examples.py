"""What a model learns from: the served prompt before the answer, and never an example without a label."""

from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pydantic")

from whence_server.generation.prompt import system_text
from whence_training.errors import InputError
from whence_training.finetuning.examples import IGNORED, answer_text, example_of
from whence_training.qa.record import Evidence, Quote, Record

GOLD = Evidence("code", "def add():\n    pass  # puts an item in", "cart.py", 4, "add")
OTHERS = tuple(Evidence("code", f"def other_{n}():\n    return {n}", "other.py", n + 1) for n in range(4))
RECORD = Record(
    "code", "what", "easy", "What does `add` do?", "Puts an item in. It is counted.", (GOLD, *OTHERS),
    (Quote(0, GOLD.text),), "rules:documentation", "cart.py",
)  # fmt: skip


def encode(text):
    return [ord(character) for character in text]


def template(system, user):
    return f"<system>{system}<user>{user}<answer>"


def decode(ids):
    return "".join(map(chr, ids))


def test_the_answer_alone_is_learnt_after_the_prompt_as_it_is_served():
    example = example_of(RECORD, encode, template, 10_000, end=(0,))
    learnt = [label for label in example.labels if label != IGNORED]
    assert decode(learnt[:-1]) == "Puts an item in. [1]\nIt is counted. [1]"
    assert example.ids[-len(learnt) :] == tuple(learnt)
    prompt = decode(example.ids[: -len(learnt)])
    assert prompt.startswith(f"<system>{system_text('write')}<user>Question: What does `add` do?\n\nEvidence:")
    assert "[5] other.py" in prompt
    assert prompt.endswith("Question: What does `add` do?<answer>")


@given(st.integers(1, 2_000))
def test_however_little_room_the_answer_is_whole_or_the_example_is_refused(most):
    whole = len(example_of(RECORD, encode, template, 10_000).ids)
    alone = len(example_of(replace(RECORD, context=(GOLD,)), encode, template, 10_000).ids)
    between = len(encode("\n\n"))  # passages are counted with what stands between them
    if most < alone:
        with pytest.raises(InputError, match="does not fit"):
            example_of(RECORD, encode, template, most)
        return
    with suppress(InputError) if most < alone + between else nullcontext():
        example = example_of(RECORD, encode, template, most)
        assert len(example.ids) == whole if most >= whole + between else len(example.ids) <= whole
        _check(example, most)


def _check(example, most):
    assert len(example.ids) == len(example.labels) <= most
    assert example.learnt == len(encode(answer_text(RECORD)))
    assert "[1] cart.py" in decode(example.ids)


def test_an_answer_from_two_passages_names_both():
    both = Record(
        "code", "compare", "hard", "`a` or `b`?", "`a`: Opens.\n`b`: Closes.", (GOLD, OTHERS[0]),
        (Quote(0, GOLD.text), Quote(1, OTHERS[0].text)), "rules:comparison", "cart.py",
    )  # fmt: skip
    assert answer_text(both) == "`a`: Opens. [1]\n`b`: Closes. [2]"
