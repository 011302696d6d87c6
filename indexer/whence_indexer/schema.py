"""The columns of every table in the store, and the version that stands for all of them.

Data only. A change to any schema here raises `VERSION`: an index of another version is made anew beside the old one.
"""

from __future__ import annotations

import pyarrow as pa

VERSION = 2

COMMITS_TABLE, HUNKS_TABLE, VECTORS_TABLE = "commits", "hunks", "vectors"

_ZSTD = {"lance-encoding:compression": "zstd"}


def chunks_table(work_tree: str) -> str:
    """The table of the chunks of one work tree."""
    return f"chunks-{work_tree}"


def files_table(work_tree: str) -> str:
    """The table of the files of one work tree."""
    return f"files-{work_tree}"


def _text(name: str) -> pa.Field:
    return pa.field(name, pa.string(), metadata=_ZSTD)


# The words come with the rows; the store keeps them in segments, and in this column their key there.
_WORDS = _text("terms")
_DIGEST = pa.field("digest", pa.binary(16))

FILES = pa.schema([pa.field("path", pa.string()), pa.field("blob", pa.string()), pa.field("skipped", pa.string())])
CHUNKS = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("start_line", pa.int32()),
        pa.field("end_line", pa.int32()),
        pa.field("kind", pa.string()),
        pa.field("language", pa.string()),
        pa.field("symbols", pa.list_(pa.string())),
        pa.field("scope", pa.list_(pa.string())),
        _DIGEST,
        _text("text"),
        _WORDS,
    ]
)
COMMITS = pa.schema(
    [
        pa.field("sha", pa.string()),
        pa.field("parents", pa.list_(pa.string())),
        pa.field("author", pa.string()),
        pa.field("date", pa.string()),
        pa.field("subject", pa.string()),
        _text("body"),
        pa.field("paths", pa.list_(pa.string())),
        pa.field("threads", pa.list_(pa.int32())),
        pa.field("closes", pa.list_(pa.int32())),
        pa.field("pull", pa.int32()),
        _DIGEST,
        _WORDS,
    ]
)
HUNKS = pa.schema(
    [
        pa.field("sha", pa.string()),
        pa.field("path", pa.string()),
        pa.field("old_path", pa.string()),
        pa.field("old_start", pa.int32()),
        pa.field("old_count", pa.int32()),
        pa.field("new_start", pa.int32()),
        pa.field("new_count", pa.int32()),
        pa.field("section", pa.string()),
        _text("text"),
    ]
)


def vectors(dimension: int) -> pa.Schema:
    """Vectors of one embedder, by the digest of the text they stand for."""
    return pa.schema([_DIGEST, pa.field("vector", pa.list_(pa.int8(), dimension))])
