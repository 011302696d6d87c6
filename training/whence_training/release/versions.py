"""What a model is called: `{domain}-{use_case}-{method}-v{X.Y}`, each time the next number. Pure.

The registry's name is what stands before `-v`, its version what stands behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from whence_server.models.naming import slug
from whence_training.config import Config
from whence_training.errors import ExportError

_VERSION = re.compile(r"([0-9]{1,2})\.([0-9])")  # \d takes the digits of every script
_LAST = (99, 9)


def model_name(config: Config) -> str:
    """The name that all versions share. A method over a base of four or eight bits has a q before it."""
    told = config.finetuning
    method = f"q{told.method}" if told.quantization else told.method
    return slug(f"{config.domain}-{config.use_case}-{method}")


def next_version(given: Iterable[str]) -> str:
    """The version after all those that were ever given: 1.0, 1.1, … 1.9, 2.0, … 99.9.

    Gaps stay: what was once given is not given again. Versions of another form are passed over. Raises `ExportError`
    after the last.
    """
    taken = [tuple(map(int, match.groups())) for each in given if (match := _VERSION.fullmatch(each))]
    major, minor = max(taken, default=(0, 9))
    if (major, minor) >= _LAST:
        raise ExportError("version 99.9 is taken: change domain or use_case, which begins anew at 1.0")
    return f"{major}.{minor + 1}" if minor < 9 else f"{major + 1}.0"
