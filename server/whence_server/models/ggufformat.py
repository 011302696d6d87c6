"""The GGUF format: the bytes of a file to its keys and the places of its tensors, believing nothing.

`gguf.GGUFReader` takes lengths and offsets as they stand in the file: a cut one gives short arrays and no error. Here
each is held against the file's size first, as llama.cpp's own loader does, so that what passes can be loaded. The
tables of types and of their sizes are those of the `gguf` package. Knows no architecture. Opens one file, for reading.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_server.errors import GgufError
from whence_server.models.naming import shown

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_ENTRIES = 1 << 16
# All that comes before the weights; a vocabulary of 262,144 tokens with its merges takes some 16 MB.
_MAX_HEADER_BYTES = 1 << 26
_MAX_KEY_BYTES = 1 << 16
_MAX_TENSOR_NAME_BYTES = 63  # GGML_MAX_NAME less its zero
_MAX_DIMENSIONS = 4
_MAX_ELEMENTS = 1 << 48
_DEFAULT_ALIGNMENT = 32
_STRING, _ARRAY, _BOOL = 8, 9, 7
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))


@dataclass(frozen=True)
class Array:
    """An array's kind of element, its length and its elements: numbers, or byte strings as they stand in the file."""

    kind: int
    values: Sequence[Any]


@dataclass(frozen=True)
class Tensor:
    """A tensor's dimensions, the fastest first, its type's name and its size in bytes."""

    shape: tuple[int, ...]
    type: str
    size: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True)
class Contents:
    """A file's keys with their values (numbers, text, truth values, arrays), its tensors by name, its size in bytes."""

    keys: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    size: int


def read_contents(path: Path) -> Contents:
    """What the file at `path` declares, all of it inside the file. Raises `GgufError` with the file's name."""
    try:
        with _mapped(path) as data:
            return _Reader(data).contents()
    except GgufError as error:
        raise GgufError(f"{path.name} is refused: {error}") from error
    except (OSError, ValueError) as error:
        raise GgufError(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise GgufError("it is no GGUF file: it does not begin with GGUF")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
            yield data


class _Reader:
    """A position in a file that only moves forward, and never out of it."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = len(_MAGIC)

    def contents(self) -> Contents:
        version = self.number("I", "its version")
        if version not in _VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS
            raise GgufError("its numbers are big-endian" if swapped else f"GGUF version {version} is not known")
        tensor_count, key_count = self.count("tensors"), self.count("keys")
        keys: dict[str, Any] = {}
        for _ in range(key_count):
            key = self.text("a key", _MAX_KEY_BYTES)
            if key in keys or not key:
                raise GgufError(f"key {shown(key)} comes twice" if key else "a key has no name")
            keys[key] = self.value(self.number("I", key), key)
        tensors = self.tensors(tensor_count, _alignment(keys))
        return Contents(keys, tensors, len(self.data))

    def tensors(self, count: int, alignment: int) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        place = end = 0  # of the next tensor, and of the last one's end, counted from where their data begins
        for _ in range(count):
            name = self.text("a tensor's name", _MAX_TENSOR_NAME_BYTES)
            if name in tensors or not name:
                raise GgufError(f"tensor {shown(name)} comes twice" if name else "a tensor has no name")
            tensor, offset = self.tensor(name)
            if offset != place:
                raise GgufError(f"tensor {shown(name)} is said to be at {offset:,}, its place is {place:,}")
            tensors[name] = tensor
            end = offset + tensor.size
            place = _padded(end, alignment)
        begin = _padded(self.at, alignment)
        if len(self.data) < begin + end:
            raise GgufError(f"it is cut short: {begin + end - len(self.data):,} of {begin + end:,} bytes are missing")
        if len(self.data) > begin + place:
            raise GgufError(f"{len(self.data) - begin - place:,} bytes follow the last tensor")
        return tensors

    def tensor(self, name: str) -> tuple[Tensor, int]:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        dimensions = self.number("I", name)
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise GgufError(f"tensor {shown(name)} has {dimensions} dimensions")
        shape = tuple(self.number("Q", name) for _ in range(dimensions))
        kind, offset = self.number("I", name), self.number("Q", name)
        if kind not in GGMLQuantizationType._value2member_map_:
            raise GgufError(f"tensor {shown(name)} is of type {kind}, which is not known")
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        elements = 1
        for length in shape:
            elements *= length
        if not 0 < elements <= _MAX_ELEMENTS or shape[0] % block:
            raise GgufError(f"tensor {shown(name)} cannot have the shape {list(shape)}")
        return Tensor(shape, GGMLQuantizationType(kind).name, elements // block * block_bytes), offset

    def value(self, kind: int, key: str) -> Any:
        if kind in _SCALARS:
            return self.truth(key) if kind == _BOOL else self.number(_SCALARS[kind], key)
        if kind == _STRING:
            return self.text(key)
        if kind == _ARRAY:
            return self.array(key)
        raise GgufError(f"key {shown(key)} has a value of type {kind}, which is not known")

    def array(self, key: str) -> Array:
        kind, count = self.number("I", key), self.number("Q", key)
        if kind == _STRING:
            self.room(8 * count, key)
            return Array(kind, tuple(self.string(key) for _ in range(count)))
        if kind not in _SCALARS:
            raise GgufError(f"key {shown(key)} is an array of type {kind}, which cannot be")
        code = "B" if kind == _BOOL else _SCALARS[kind]
        size = struct.calcsize(f"<{code}") * count
        self.room(size, key)
        values = array(code)  # as many bytes as in the file: a tuple would take an object for each
        values.frombytes(self.data[self.at : self.at + size])
        self.at += size
        return Array(kind, values)

    def truth(self, key: str) -> bool:
        value = self.number("B", key)
        if value > 1:
            raise GgufError(f"key {shown(key)} is {value}, neither true nor false")
        return bool(value)

    def text(self, what: str, longest: int | None = None) -> str:
        data = self.string(what)
        if longest is not None and len(data) > longest:
            raise GgufError(f"{what} is {len(data):,} bytes long")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise GgufError(f"{what} is not UTF-8") from error

    def string(self, what: str) -> bytes:
        length = self.number("Q", what)
        self.room(length, what)
        self.at += length
        return bytes(self.data[self.at - length : self.at])

    def count(self, what: str) -> int:
        count: int = self.number("Q", f"its number of {what}")
        if count > _MAX_ENTRIES:
            raise GgufError(f"it claims to hold {count:,} {what}")
        return count

    def number(self, code: str, what: str) -> Any:
        size = struct.calcsize(f"<{code}")
        self.room(size, what)
        self.at += size
        return struct.unpack_from(f"<{code}", self.data, self.at - size)[0]

    def room(self, size: int, what: str) -> None:
        if size > len(self.data) - self.at:
            raise GgufError(f"it is cut short: {shown(what)} goes beyond its end")
        if self.at + size > _MAX_HEADER_BYTES:
            raise GgufError(f"{shown(what)} makes what stands before its weights more than {_MAX_HEADER_BYTES:,} bytes")


def _alignment(keys: Mapping[str, Any]) -> int:
    alignment = keys.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 16 or alignment & (alignment - 1):
        raise GgufError(f"an alignment of {shown(alignment)} cannot be")
    return alignment


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
