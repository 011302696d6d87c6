"""The columns of every table in the store, and the version that stands for all of them.

Data only. A change to any schema here, or to what a column means, raises `VERSION`: an index of another version is made
anew beside the old one.
"""

from __future__ import annotations

import pyarrow as pa

VERSION = 5
REDACTED_SINCE = 4  # what older ones hold, digests and vectors too, was made from texts as they were

COMMITS_TABLE, HUNKS_TABLE, THREADS_TABLE, VECTORS_TABLE = "commits", "hunks", "threads", "vectors"
REDACTIONS_TABLE = "redactions"  # of the history

# Values are compressed together, some kilobytes at a time: without `miniblock` each longer one is compressed by itself,
# which for the texts here is little better than not at all.
_SMALL = {"lance-encoding:compression": "zstd", "lance-encoding:structural-encoding": "miniblock"}
_SMALLER = _SMALL | {
    "lance-encoding:minichunk-size": "32768"
}  # a third less again; reading a single value takes longer


def chunks_table(work_tree: str) -> str:
    """The table of the chunks of one work tree."""
    return f"chunks-{work_tree}"


def files_table(work_tree: str) -> str:
    """The table of the files of one work tree."""
    return f"files-{work_tree}"


def redactions_table(work_tree: str) -> str:
    """The table of what was taken out of the files of one work tree."""
    return f"redactions-{work_tree}"


def _text(name: str) -> pa.Field:
    return pa.field(name, pa.string(), metadata=_SMALL)


def _archive(name: str) -> pa.Field:
    """A text of which rows are read in runs, if at all."""
    return pa.field(name, pa.string(), metadata=_SMALLER)


def _number(name: str) -> pa.Field:
    return pa.field(name, pa.int32(), metadata=_SMALL)


def _names(name: str) -> pa.Field:
    return pa.field(name, pa.list_(pa.field("item", pa.string(), metadata=_SMALL)), metadata=_SMALL)


# The words come with the rows; the store keeps them in segments, and in this column their key there.
_WORDS = _text("terms")
_DIGEST = pa.field("digest", pa.binary(16))

FILES = pa.schema([pa.field("path", pa.string()), pa.field("blob", pa.string()), pa.field("skipped", pa.string())])
CHUNKS = pa.schema(
    [
        pa.field("path", pa.string()),
        _number("start_line"),
        _number("end_line"),
        pa.field("kind", pa.string()),
        pa.field("language", pa.string()),
        _names("symbols"),
        pa.field("scope", pa.list_(pa.string())),
        _DIGEST,
        _text("text"),
        _WORDS,
    ]
)
COMMITS = pa.schema(
    [
        pa.field("sha", pa.string()),
        _names("parents"),
        _text("author"),
        _text("date"),
        _text("subject"),
        _text("body"),
        pa.field("paths", pa.list_(pa.string())),
        pa.field("threads", pa.list_(pa.int32())),
        pa.field("closes", pa.list_(pa.int32())),
        _number("pull"),
        _DIGEST,
        _WORDS,
    ]
)
HUNKS = pa.schema(
    [
        _archive("sha"),
        _archive("path"),
        _archive("old_path"),
        _number("old_start"),
        _number("old_count"),
        _number("new_start"),
        _number("new_count"),
        _archive("section"),
        _archive("text"),
    ]
)

REDACTIONS = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("path", pa.string()),
        pa.field("line", pa.int32()),
        pa.field("sha", pa.string()),
        pa.field("thread", pa.int32()),
    ]
)
# What was said: the opening of a thread is part 0 and has what is known of the whole, its comments follow.
THREADS = pa.schema(
    [
        pa.field("kind", pa.string()),
        _number("number"),
        _number("part"),
        _text("title"),
        _text("text"),
        _text("author"),
        _text("date"),
        _text("url"),
        _text("about"),  # JSON: the other fields of a thread or comment
        _DIGEST,
        _WORDS,
    ]
)


def vectors(dimension: int) -> pa.Schema:
    """Vectors of one embedder, by the digest of the text they stand for."""
    return pa.schema([_DIGEST, pa.field("vector", pa.list_(pa.int8(), dimension))])
