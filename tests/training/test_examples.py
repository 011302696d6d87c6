"""What a model learns from: the served prompt before the answer it may give there, and never an example without one."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pydantic")

from whence_indexer.types import Hit
from whence_server.generation.prompt import UNKNOWN, system_text, user_text
from whence_server.generation.quoting import offered
from whence_server.passages import Passage
from whence_training.errors import ConfigError, InputError
from whence_training.finetuning.answering import Asked
from whence_training.finetuning.examples import IGNORED, example_of, reference, unsayable
from whence_training.finetuning.lessons import Lessons, folded, lessons, sources_of
from whence_training.qa.record import Evidence, Quote, Record

GOLD = Evidence("code", 'def add():\n    """Puts an item into the cart. It is counted."""', "cart.py", 4, "add")
OTHERS = tuple(Evidence("code", f"def other_{n}():\n    return {n}", f"other_{n}.py", n + 1) for n in range(4))
RECORD = Record(
    "code", "what", "easy", "What does `add` do?", "Puts an item into the cart. It is counted.", (GOLD, *OTHERS),
    (Quote(0, '    """Puts an item into the cart. It is counted."""'),), "rules:documentation", "cart.py",
)  # fmt: skip
ANSWER = "Puts an item into the cart. [1]\nIt is counted. [1]"


class Letters:
    """Each character is a token."""

    end = 0

    def encode(self, text):
        return [ord(character) for character in text]

    def piece(self, token):
        return chr(token).encode()

    def prompt(self, system, user):
        return self.encode(f"<system>{system}<user>{user}<answer>")


def decode(ids):
    return "".join(map(chr, ids))


def passages(record):
    return [evidence.passage() for evidence in record.context]


def example(record=RECORD, most=10_000, mode="write"):
    return example_of(record, passages(record), Letters(), most, mode)


@pytest.mark.parametrize("mode", ["write", "quote"])
def test_the_answer_alone_is_learnt_after_the_prompt_as_it_is_served(mode):
    made = example(mode=mode)
    asked, answer = made.ids[: -len(ANSWER) - 1], made.ids[-len(ANSWER) - 1 :]
    assert (decode(answer[:-1]), answer[-1]) == (ANSWER, Letters.end)
    user = user_text(RECORD.question, passages(RECORD))
    assert decode(asked) == f"<system>{system_text(mode)}<user>{user}<answer>"
    assert set(made.labels[: len(asked)]) == {IGNORED}
    assert all(label in (IGNORED, token) for token, label in zip(made.ids, made.labels, strict=True))
    assert made.learnt == len(answer) or mode == "quote"


def test_of_a_quotation_only_what_is_chosen_is_learnt():
    made = example(replace(RECORD, context=(GOLD, replace(GOLD, text="# Puts it back.", path="b.py"))), mode="quote")
    learnt = [chr(label) for label in made.labels if label > 0]
    # Which sentence it is, twice; whether another line comes; and which that is.
    assert learnt == ["P", "a", "\n", "I"]
    assert made.labels[-1] == Letters.end
    choices = ["".join(map(chr, made.allowed[at])) for at in sorted(made.allowed)]
    assert choices == ["IP`", "ai", "\0\n", "IP`", "\0\n"]


@given(st.integers(1, 2_000))
def test_however_little_room_the_answer_is_whole_or_the_example_is_refused(most):
    whole, alone = len(example().ids), len(example(replace(RECORD, context=(GOLD,))).ids)
    if most < alone:
        with pytest.raises(InputError, match="does not fit"):
            example(most=most)
        return
    with suppress(InputError) if most < alone + 4 else pytest.MonkeyPatch.context():
        made = example(most=most)
        assert len(made.ids) == len(made.labels) <= min(most, whole)
        assert made.learnt == len(ANSWER) + 1
        assert "[1] cart.py" in decode(made.ids)
        assert made.cut == sum(each.path not in decode(made.ids) for each in RECORD.context)


def test_what_stands_nowhere_in_the_evidence_is_never_learnt_by_heart():
    with pytest.raises(InputError, match="not among what may be said"):
        example_of(RECORD, [], Letters(), 10_000, "write")
    with pytest.raises(InputError, match="not among what may be said"):
        example_of(RECORD, [OTHERS[0].passage()], Letters(), 10_000, "quote")
    same_words_elsewhere = replace(GOLD, path="copy.py").passage()
    assert reference(RECORD, [same_words_elsewhere], "quote") is None


def test_a_model_that_quotes_learns_only_what_the_grammar_lets_it_say():
    said = reference(RECORD, passages(RECORD), "quote")
    assert set(said.split("\n")) <= {sentence.line for sentence in offered(passages(RECORD))}
    default = replace(RECORD, question="Which default has `size`?", answer="`7`.", quotes=(Quote(1, "    return 0"),))
    assert reference(default, passages(default), "quote") is None
    assert reference(default, passages(default), "write") == "`7`. [2]"
    assert [unsayable([RECORD, default], mode) for mode in ("quote", "write")] == [1, 0]


def test_an_answer_from_two_passages_names_both():
    both = Record(
        "code", "compare", "hard", "`a` or `b`?", "`a`: Opens.\n`b`: Closes.", (GOLD, OTHERS[0]),
        (Quote(0, GOLD.text), Quote(1, OTHERS[0].text)), "rules:comparison", "cart.py",
    )  # fmt: skip
    assert reference(both, passages(both), "write") == "`a`: Opens. [1]\n`b`: Closes. [2]"


def test_not_to_know_is_learnt_as_well():
    unknown = replace(RECORD, answer=UNKNOWN, quotes=(), answerable=False, context=OTHERS)
    made = example(unknown, mode="quote")
    assert decode(made.ids).endswith(f"<answer>{UNKNOWN}{chr(Letters.end)}")
    assert made.learnt >= 1


def test_what_a_fold_holds_out_is_shown_nowhere_in_what_the_others_learn():
    files = [replace(GOLD, path=f"file_{n}.py") for n in range(6)]
    records = [
        replace(RECORD, question=f"What does it do in {each.path}?", context=(each, *files[:3]), group=each.path)
        for each in files
    ]

    def teach(rest, held):
        return lessons(rest, lambda drawn: [], Letters(), 10_000, "quote", 0.0, sources_of(held))

    nothing = Lessons((), (), 0, {})
    made = folded(teach(records, []), nothing, "loo", 42, teach)
    assert len(made) == 6
    for rest, held in made:
        (out,) = [each.path for each in files if f"do in {each.path}" in decode(held[0].ids)]
        assert len(rest) == 5
        assert not any(out in decode(each.ids) for each in rest)
    alone = teach(records[:1], [])
    with pytest.raises(ConfigError, match=r"finetuning\.cv"):
        folded(alone, nothing, "auto", 42, teach)


def test_half_are_shown_what_search_finds_but_never_a_source_that_measures():
    records = [replace(RECORD, question=f"What does `add` do, {n}?") for n in range(40)]
    lost = replace(RECORD, question="Where is it?", quotes=(Quote(0, "nowhere"),), context=(OTHERS[0],))
    hit = Hit("code", 1.0, GOLD.text, "cart.py", 1, 20)
    found = (Passage(hit, 4, GOLD.text), OTHERS[3].passage())
    measured = sources_of([replace(RECORD, context=(OTHERS[3],), quotes=(Quote(0, "return 3"),))])
    assert measured == {"other_3.py"}

    def ask(drawn):
        return [Asked(record, "retrieval", found, 0.9, False, 0.1) for record in drawn]

    made = lessons([*records, lost], ask, Letters(), 10_000, "quote", 0.5, measured)
    prompts = [decode(each.ids) for each in made.examples]
    searched = [prompt for prompt in prompts if "other_0.py" not in prompt]
    assert len(searched) == made.retrieved
    assert 12 < made.retrieved < 28
    assert not any("other_3.py" in prompt for prompt in searched)
    assert made.left_out == {"rules:documentation": 1}
    assert len(made.examples) == len(made.records) == 40
