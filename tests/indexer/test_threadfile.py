"""Threads carried in a file: what is written comes back, and a bad line costs nothing but itself."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer import threadfile
from whence_indexer.errors import TrackerError
from whence_indexer.records import RecordError, record_of, thread_of, utc
from whence_indexer.threadfile import ThreadFile, write_threads
from whence_indexer.threads import Comment, Page, Thread, find_links, merge

ROOT = Path(__file__).parents[2]
GOOD = '{"number": 1, "title": "One"}'
BRAKES = Thread(
    number=12,
    kind="pull",
    title="Add brakes",
    body="Fixes #7.\nSee 0a1b2c3.",
    state="merged",
    labels=("safety", "grün"),
    author="ada",
    created="2024-05-01T08:00:00Z",
    updated="2024-05-03T09:00:00Z",
    closed="2024-05-03T09:00:00Z",
    url="https://github.com/ada/engine/pull/12",
    merge_commit="a" * 40,
    comments=(
        Comment(
            "grace", "2024-05-02T00:00:00Z", "Why twelve?", "https://x/1", "review_comment", "", "e.py", 4, "b" * 40
        ),
        Comment("grace", "2024-05-03T00:00:00Z", "", "https://x/2", "review", "approved", commit="b" * 40),
    ),
)


def read(path, cursor=None):
    """(threads by identity, problems as (line, what), last cursor) of a file."""
    threads, problems = {}, []
    for page in ThreadFile(path).pages(cursor, lambda line: None):
        threads |= {thread.key: thread for thread in merge(page, threads.values())}
        problems += [(int(problem.where.rpartition(":")[2]), problem.what) for problem in page.problems]
        cursor = json.loads(json.dumps(page.cursor))
    return threads, problems, cursor


@pytest.fixture
def write(tmp_path):
    def write(*lines: str | bytes, name="threads.jsonl", end=b"\n"):
        data = end.join(line.encode() if isinstance(line, str) else line for line in lines)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", ["threads.jsonl", "threads.jsonl.gz"])
def test_what_is_exported_comes_back_the_same(tmp_path, name):
    threads = [BRAKES, Thread(7, "issue", "It does not stop"), Thread(7, "pull", "Other count")]
    assert write_threads(threads, tmp_path / name) == 3
    found, problems, _ = read(tmp_path / name)
    assert (list(found.values()), problems) == (threads, [])
    assert os.listdir(tmp_path) == [name]


def test_the_example_in_the_documentation_is_a_thread_and_every_field_is_described():
    page = (ROOT / "docs" / "threads.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    complaints = []
    thread = thread_of(json.loads(example), complaints.append)
    assert complaints == []
    assert record_of(thread) == json.loads(example)
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert described == set(Thread.__dataclass_fields__) | set(Comment.__dataclass_fields__)


def test_a_bad_line_is_reported_by_its_number_and_the_rest_imported(write):
    bad = {
        '{"number" 1}': "not JSON: Expecting ':' delimiter at column 11",
        "Hello": "not JSON: Expecting value at column 1",
        "[]": "not a JSON object",
        "{}": 'no "number"',
        '{"number": 2}': 'no "title"',
        '{"number": 2, "title": " "}': 'no "title"',
        '{"number": true, "title": "x"}': '"number" is not a number from 1 to 2147483647',
        '{"number": 2, "title": "x", "kind": "pr"}': '"kind" is none of issue, pull',
        '{"number": 2, "title": "x", "kind": ["pull"]}': '"kind" is none of issue, pull',
        '{"number": 2, "title": "x", "state": "gone"}': '"state" is none of open, closed, merged',
        '{"number": 2, "title": "x", "labels": "bug"}': '"labels" is not a list',
        '{"number": 2, "title": "x", "body": 5}': '"body" is not text',
        '{"number": 2, "title": "x", "created": "last May"}': '"created" is no ISO 8601 date',
        '{"number": 2, "title": "x", "closed": "0001-01-01T00:00:00+10:00"}': '"closed" is no ISO 8601 date',
        '{"number": 2, "title": "x", "url": "javascript:alert(1)"}': '"url" is no http or https address',
        '{"number": 2, "title": "x", "merge_commit": "HEAD"}': '"merge_commit" is no commit id',
        "[" * 100_000: "not JSON that can be read",
        '{"number": ' + "9" * 5000 + "}": "not JSON that can be read",
    }
    lines = [line for wrong in bad for line in (wrong, "")]
    threads, problems, _ = read(write(*lines, b'{"\xff": 1}', GOOD))
    expected = [(2 * place + 1, what) for place, what in enumerate(bad.values())]
    assert problems == [*expected, (2 * len(bad) + 1, "not UTF-8")]
    assert list(threads) == [("issue", 1)]


def test_a_bad_comment_costs_only_itself(write):
    comments = '[{"body": "yes"}, {"body": 5}, 7, {"body": "line", "line": 0}]'
    threads, problems, _ = read(write(f'{{"number": 1, "title": "One", "comments": {comments}}}'))
    assert [comment.body for comment in threads["issue", 1].comments] == ["yes"]
    assert [what.partition(":")[0] for _, what in problems] == [f"comment {place} left out" for place in (2, 3, 4)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_other_line_ends_are_no_trouble(write, end):
    threads, problems, _ = read(write(b"\xef\xbb\xbf" + GOOD.encode(), '{"number": 2, "title": "Two"}', "", end=end))
    assert (sorted(number for _, number in threads), problems) == ([1, 2], [])


def test_a_file_in_another_encoding_is_refused_in_a_sentence(write):
    with pytest.raises(TrackerError, match="is UTF-16: save it as UTF-8"):
        read(write(GOOD.encode("utf-16")))


def test_of_a_number_that_comes_twice_the_last_counts_and_it_is_told(write):
    threads, problems, _ = read(
        write(GOOD, '{"number": 1, "title": "Uno"}', '{"number": 1, "kind": "pull", "title": "P"}')
    )
    assert [thread.title for thread in threads.values()] == ["Uno", "P"]
    assert problems == [(2, "issue 1 was on line 1 already; this one counts")]


def test_an_enormous_line_is_skipped_without_being_read_into_memory(write, monkeypatch):
    monkeypatch.setattr(threadfile, "MAX_LINE_BYTES", 1 << 20)
    path = write('{"number": 2, "title": "' + "x" * (5 << 20) + '"}', GOOD)
    threads, problems, _ = read(path)
    assert (list(threads), problems) == ([("issue", 1)], [(1, "longer than 1 MiB")])
    path.write_bytes(b"x" * (3 << 20))
    assert read(path)[:2] == ({}, [(1, "longer than 1 MiB")])


def test_a_file_is_read_once_and_on_from_where_the_reading_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(threadfile, "_PAGE_LINES", 10)
    threads = [Thread(number, "issue", f"Thread {number}") for number in range(1, 36)]
    for name in ("threads.jsonl", "threads.jsonl.gz"):
        path = tmp_path / name
        write_threads(threads, path)
        pages = list(ThreadFile(path).pages(None, lambda line: None))
        assert [len(page.threads) for page in pages] == [10, 10, 10, 5]
        (*_, rest) = ThreadFile(path).pages(pages[2].cursor, lambda line: None)
        assert rest.threads == pages[3].threads
        assert list(ThreadFile(path).pages(pages[3].cursor, lambda line: None)) == []
        write_threads(threads[:5], path)
        assert len(read(path, pages[3].cursor)[0]) == 5


@pytest.mark.parametrize("name", ["missing.jsonl", "folder", "broken.jsonl.gz", "text.jsonl.gz"])
def test_a_file_that_cannot_be_read_is_told_and_what_came_before_kept(tmp_path, name, monkeypatch):
    monkeypatch.setattr(threadfile, "_PAGE_LINES", 1)
    (tmp_path / "folder").mkdir()
    lines = "".join(f'{{"number": {number}, "title": "{os.urandom(500).hex()}"}}\n' for number in range(1, 200))
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-5000])
    (tmp_path / "text.jsonl.gz").write_text(GOOD)
    pages = []
    with pytest.raises(TrackerError, match=f"{name} cannot be read: "):
        pages.extend(ThreadFile(tmp_path / name).pages(None, lambda line: None))
    assert (len(pages) > 50) == (name == "broken.jsonl.gz")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(TrackerError, match="cannot be written"):
        write_threads([BRAKES], tmp_path / "missing" / "threads.jsonl")

    def broken():
        yield BRAKES
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_threads(broken(), tmp_path / "threads.jsonl")
    assert os.listdir(tmp_path) == []


def test_texts_are_plain(write):
    record = {"number": 1, "title": "a\x1b[31m\nb", "body": "x\r\ny\u0000\ud800z\tw", "author": "Ada <ada@example.com>"}
    thread = read(write(json.dumps(record)))[0]["issue", 1]
    assert (thread.title, thread.body, thread.author) == ("a[31m b", "x\ny" + "z\tw", "Ada")


DATES = {
    "2024-05-01T08:00:00Z": "2024-05-01T08:00:00Z",
    "2024-05-01T08:00:00.123+02:00": "2024-05-01T06:00:00Z",
    "2024-05-01 08:00": "2024-05-01T08:00:00Z",
    "2024-05-01": "2024-05-01T00:00:00Z",
}


@pytest.mark.parametrize(("written", "meant"), DATES.items())
def test_dates_are_in_one_form_that_sorts(written, meant):
    assert utc(written) == meant


def test_pages_without_comments_keep_those_that_are_known():
    newer = Thread(12, "pull", "Add better brakes", state="merged")
    said = Comment("ada", "2024-05-02T12:00:00Z", "Twelve is enough", "https://x/3")
    edited = Comment("grace", "2024-05-02T00:00:00Z", "Why 12?", "https://x/1", "review_comment")
    (merged,) = merge(Page({}, (newer,), ((12, said), (12, edited), (99, said))), [BRAKES])
    assert (merged.title, [comment.body for comment in merged.comments]) == (
        "Add better brakes",
        ["Why 12?", "Twelve is enough", ""],
    )
    assert merge(Page({}, (newer,), whole=True), [BRAKES]) == [newer]
    assert merge(Page({}, (newer,)), [Thread(12, "pull", "Derived", comments=BRAKES.comments, derived=True)]) == [newer]


def test_links_are_found_in_everything_that_was_said():
    texts = ["Fixes #7 and ada/engine#8", "as in https://github.com/ada/engine/commit/0123456789abcdef0123456789abcdef01234567",
             "0a1b2c3, 1234567, defaced, v1.0a1b2c3d, #0a1b2c3 and file-0a1b2c4", "see #12"]  # fmt: skip
    thread = Thread(12, "pull", "x", texts[0], comments=tuple(Comment("", "", text) for text in texts[1:]))
    links = find_links(thread, "https://github.com/ada/engine")
    assert [link.number for link in links.threads] == [7, 8]
    assert links.commits == ("0123456789abcdef0123456789abcdef01234567", "0a1b2c3")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["issue", "2024-05-01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Thread.__dataclass_fields__, *Comment.__dataclass_fields__]), inner, max_size=9
        )
    ),
    max_leaves=20,
)


@given(JSON, st.integers(1, 9), st.text(max_size=9))
def test_any_record_is_a_thread_or_refused_and_what_is_taken_survives_the_way_back(record, number, title):
    record = {**record, "number": number, "title": title} if isinstance(record, dict) else record
    try:
        thread = thread_of(record, lambda what: None)
    except RecordError:
        return
    complaints = []
    again = thread_of(json.loads(json.dumps(record_of(thread)).encode()), complaints.append)
    assert (again, complaints) == (thread, [])
