"""Sets of questions made by hand -> what measures a model: read as `whence eval` reads them, and never learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from whence_indexer.errors import QueryError
from whence_server.evaluation import Example, read_examples
from whence_training.errors import InputError


def read_curated(files: Iterable[Path]) -> list[Example]:
    """The examples of all files. Raises `InputError` naming the first line that is not one."""
    try:
        return [example for file in files for example in read_examples(file)]
    except QueryError as error:
        raise InputError(str(error)) from error


def with_answers(files: Sequence[Path]) -> list[Example]:
    """Those by which a model can be judged; none where no file is named.

    Raises `InputError` where the files have none: what could not be measured is not to look as if it had passed.
    """
    found = [example for example in read_curated(files) if example.answer]
    if files and not found:
        raise InputError(f"no question of {', '.join(map(str, files))} has an answer to judge a model by")
    return found
