"""The settings as they hold now, in layers: a repository's file, what the editor gave first, what it says now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whence_server.lsp.settings import Settings, combine, parse_settings


class Configuration:
    """The editor's settings; `report` hears a sentence for each that cannot be used."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._initial: dict[str, Any] = {}
        self._told: dict[str, Any] = {}

    def begin(self, given: Any) -> None:
        """Take over `initializationOptions`."""
        self._initial = self._parsed(given, "initializationOptions")

    def tell(self, given: Any) -> None:
        """Take over all that the editor says now: what it named and does not name any more has gone, also where it
        gave that first."""
        told = self._parsed(given, "settings")
        self._initial = {key: value for key, value in self._initial.items() if key in told or key not in self._told}
        self._told = told

    def settings(self, of_repository: Mapping[str, Any]) -> Settings:
        """What holds in a repository whose own file has these settings."""
        return combine(of_repository, self._initial, self._told)

    def _parsed(self, given: Any, where: str) -> dict[str, Any]:
        used, problems = parse_settings(given, where)
        for problem in problems:
            self._report(problem)
        return used
