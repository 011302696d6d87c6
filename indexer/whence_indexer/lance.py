"""LanceDB, opened in a local folder, without the client of its remote catalogues.

That client is 0.6 of the processor time of `import lancedb`, and nothing that is stored locally uses it: while
`lancedb` is imported, plain namespaces stand for its models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

from whence_indexer.processor import check

if TYPE_CHECKING:
    from lancedb import DBConnection

_CLIENT = "lance_namespace_urllib3_client"


def connect(folder: Path) -> DBConnection:
    """The database in `folder`."""
    check("lancedb")
    with _without_client():
        import lancedb
    return lancedb.connect(folder)


class _Names(ModuleType):
    """A module that has a class of every name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (SimpleNamespace,), {})


class _Finder(MetaPathFinder, Loader):
    """Finds `_Names` in the place of the client and all its modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if _is_client(name) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def _without_client() -> Iterator[None]:
    """Whoever imports the client afterwards gets the real one."""
    if "lancedb" in sys.modules or _CLIENT in sys.modules:
        yield
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in list(filter(_is_client, sys.modules)):
            del sys.modules[name]


def _is_client(name: str) -> bool:
    return name.partition(".")[0] == _CLIENT
