"""Which sentence of a message says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_server.reasons import CAUSE, PROBLEM, PROSE, find_reasons


@pytest.mark.parametrize(
    ("subject", "body", "sentence", "strength"),
    [
        (
            "Copy the list",
            "The caller keeps its own.\nOtherwise both would change.",
            "Otherwise both would change.",
            CAUSE,
        ),
        ("Fix crash when the cookie is empty", "", "Fix crash when the cookie is empty", PROBLEM),
        ("Retry", "The server drops the first request at noon.", "The server drops the first request at noon.", PROSE),
        ("Squash", "* add tests\n* lock it to avoid a race of writers\n", "lock it to avoid a race of writers", CAUSE),
        ("并发", "服务器在中午会丢弃第一个请求因此我们需要重试", "服务器在中午会丢弃第一个请求因此我们需要重试", PROSE),
        (
            "Merge pull request #3 from ada/cache",
            "Cache tokens because hashing them is slow",
            "Cache tokens because hashing them is slow",
            CAUSE,
        ),
    ],
)
def test_the_sentence_that_says_why_comes_first(subject, body, sentence, strength):
    best = find_reasons(subject, body)[0]
    assert (best.sentence, best.strength) == (sentence, strength)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("update", ""),
        ("Rename the session interface to something shorter", ""),
        ("Add paging", "Closes #3, #4 and https://example.org/x/y/issues/5"),
        ("Add paging", "Signed-off-by: Ada Because Author\nReviewed-by: Grace\nChange-Id: Iabc because it is"),
        ("Merge branch 'fix-crash-because-of-x' into main", "# Conflicts:\n#\ta.py"),
        ("Revert it", "This reverts commit 0123456789012345678901234567890123456789."),
        (
            "Read twice as fast",
            "parse/small    120 ns     80 ns  -33%\nparse/large    9.2 us\n\n| case | before | after |",
        ),
        ("Read faster", "```\nwarning: it would fail because of this\n```\nuser    8.426\nreal    9.1"),
        ("Squash", "* add tests\n* tidy the imports of all the modules\n"),
        ("Squash", "* use TypeError instead of ValueError\n* allow bytes for the status value\n"),
        ("Add an example", "Reference this issue #1323\n\nIf you think it's unnecessary, I will close this.\nThx."),
        (
            "Add async",
            "This allows for functions to be passed, for example as\na view,\n\n    async def index():"
            "\n        return await page()\n\nthis comes with a cost",
        ),
    ],
)
def test_what_says_only_what_is_no_reason(subject, body):
    assert find_reasons(subject, body) == []


def test_of_a_list_the_item_that_speaks_of_the_lines_explains_them():
    body = "* be explicit about how tuples are unpacked\n* use a lock to avoid a race\n* document the status value\n"
    (best,) = find_reasons("Refactor", body, "    if isinstance(value_of, tuple):")[:1]
    assert best.sentence == "be explicit about how tuples are unpacked"
    assert find_reasons("Refactor", body, "    with lock:")[0].sentence == "use a lock to avoid a race"
    assert find_reasons("Refactor", body, "    return None") == []


@given(st.text(), st.lists(st.text(alphabet="ab. #1*-\n:/hpst", max_size=80), max_size=6).map("\n".join))
def test_a_quotation_is_always_part_of_the_message(subject, body):
    subject = subject.replace("\n", " ")
    for reason in find_reasons(subject, body):
        assert reason.quote in f"{subject}\n\n{body}"
        assert reason.sentence


def test_a_hostile_message_takes_no_longer_than_its_length():
    for part in ("https://", "#1", "a/", "* ", "http://x#1 and ", "refs  "):
        find_reasons(part * 20_000 + "!x", part * 20_000 + "\n!x")
