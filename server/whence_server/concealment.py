"""Messages without the folders of this machine: what is told to editors and agents names files of a repository alone.

Folders that are known are replaced as they are spelled, whatever is in their names; other paths by how they look.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from whence_indexer.repository import Repository

_known: dict[str, str] = {}  # folders, and what stands for them

# A path from the root on, a home or a drive, not the tail of an address. A folder's name may be of a few words.
_PATH = re.compile(
    r"(?<![\w.:/~-])(?:file://)?(?:[A-Za-z]:[\\/]|\\\\|~?/)"
    r"(?:[^\s\\/'\"<>|:]+(?: [^\s\\/'\"<>|:]+){0,3}[\\/])*([^\s\\/'\"<>|:,;]+|(?=[\s'\"]|$))"
)


def conceal(repository: Repository) -> None:
    """From now on leave the folders of `repository` out of all messages: files in it are named from its root."""
    for folder, shown in ((repository.root, "."), (repository.index_dir, "…")):
        for path in {folder, folder.absolute(), folder.resolve()}:
            _known.setdefault(str(path), shown)


def public(message: str) -> str:
    """`message` without the folders of this machine: the last part of a path says enough."""
    always = {str(Path.home()): "~", tempfile.gettempdir(): "…"}
    for folder, shown in sorted((always | _known).items(), key=lambda known: -len(known[0])):
        if len(folder) > 1:
            message = re.sub(rf"(?<![\w.~-]){re.escape(folder)}(?![\w-]|\.\w)", shown, message)
    return _PATH.sub(lambda match: match[1] or "…", message)
