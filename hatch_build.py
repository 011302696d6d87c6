"""The wheel packed again, its matrix of token vectors as numbers that hardly repeat: half a megabyte less.

zlib looks for repetitions, and each that it finds among such numbers costs more than the numbers themselves; Z_RLE
counts frequencies alone. What is unpacked is the same, by any zip program. See indexer/whence_indexer/rounding.py.
"""

from __future__ import annotations

import functools
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zipfile import ZipFile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLAIN = zlib.compressobj
_NUMBERS = functools.partial(_PLAIN, memLevel=zlib.DEF_MEM_LEVEL + 1, strategy=zlib.Z_RLE)


class PackedWheel(BuildHookInterface[Any]):
    """hatchling's hook, as pyproject.toml names it."""

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Pack the built wheel again; one that only points at the work tree has nothing to pack."""
        if version == "standard":
            _repack(Path(artifact_path))


def _repack(wheel: Path) -> None:
    packed = wheel.with_suffix(".packed")
    with ZipFile(wheel) as source, ZipFile(packed, "w") as target:
        for entry in source.infolist():
            with patch.object(zlib, "compressobj", _NUMBERS if entry.filename.endswith(".safetensors") else _PLAIN):
                target.writestr(entry, source.read(entry))
    packed.replace(wheel)
