"""Files by their content: each under its digest, complete or not there at all.

A blob is fetched into a `.part` beside its place, which outlives the process and is gone on with, and gets its name by
one rename once its digest is right. Of several processes that want the same blob one fetches it. Trusts no byte that
it has not hashed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from whence_server.errors import BlobError, CutError
from whence_server.models.manifest import Blob
from whence_server.models.naming import checked_digest, digest_of
from whence_server.models.places import Chunks

Progress = Callable[[str, int, int | None], None]
Source = Callable[[int], Chunks]

# Left free beside what is fetched, in bytes: a full disk breaks more than this program.
MARGIN = 64_000_000
# Seconds before asking again, one for each cut in a row that brought nothing.
BACKOFF = (0.5, 2.0, 8.0)
_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class BlobStore:
    """A folder of blobs."""

    folder: Path

    def path(self, digest: str) -> Path:
        """Where the blob is or would be."""
        return self.folder / checked_digest(digest)

    def has(self, blob: Blob) -> bool:
        """Whether it is there, by its size alone; `damage` reads it."""
        try:
            return self.path(blob.digest).stat().st_size == blob.size
        except OSError:
            return False

    def damage(self, blob: Blob) -> str | None:
        """What is wrong with the blob, after reading all of it; None where it is what its digest says."""
        try:
            with self.path(blob.digest).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{blob.digest} cannot be read: {error.strerror}"
        return None if blob.digest == f"sha256-{found}" else f"{blob.digest} is damaged: its content is sha256-{found}"

    def read(self, blob: Blob) -> bytes:
        """The content of a small blob, checked. Raises `BlobError`."""
        try:
            data = self.path(blob.digest).read_bytes()
        except OSError as error:
            raise BlobError(f"{blob.digest} cannot be read: {error.strerror}") from error
        if digest_of(data) != blob.digest:
            raise BlobError(f"{blob.digest} is damaged: its content is {digest_of(data)}")
        return data

    def put(self, data: bytes) -> Blob:
        """Store `data`. Raises `BlobError`."""
        blob = Blob(digest_of(data), len(data))
        self.fetch(blob, lambda offset: (chunk for chunk in [data[offset:]]))
        return blob

    def add(self, path: Path, progress: Progress = lambda stage, done, total: None) -> Blob:
        """Copy the file at `path` in. Raises `BlobError`."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            blob = Blob(f"sha256-{digest}", path.stat().st_size)
        except OSError as error:
            raise BlobError(f"{path} cannot be read: {error.strerror}") from error
        self.check_space([blob])
        self.fetch(blob, lambda offset: _from_file(path, offset), progress, label=path.name)
        return blob

    def fetch(
        self,
        blob: Blob,
        source: Source,
        progress: Progress = lambda stage, done, total: None,
        say: Callable[[str], None] = lambda message: None,
        label: str | None = None,
    ) -> None:
        """Have `blob`, from `source`, which gives its bytes from an offset on. Goes on where an earlier try stopped.

        One that is here is read: a damaged one is fetched anew, so that to ask for a model again mends it.
        Asks again after cuts, as long as each brings something and a few times when not. Raises `BlobError` where the
        content is not the digest's or the disk is full, and what `source` raises; what was fetched is then kept, but
        for content that is wrong.
        """
        with self._locked(blob, say):
            if self.has(blob) and not self.damage(blob):
                return
            with suppress(OSError):
                self.path(blob.digest).unlink()
            self._fetch(blob, source, lambda done: progress(label or blob.digest[:19], done, blob.size), say)

    def missing(self, blobs: list[Blob]) -> int:
        """How many bytes of `blobs` are still to be fetched."""
        return sum(blob.size - min(blob.size, _size(self._part(blob))) for blob in blobs if not self.has(blob))

    def check_space(self, blobs: list[Blob]) -> None:
        """Raise `BlobError` if what is missing of `blobs` does not fit on the disk."""
        missing = self.missing(blobs)
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if missing and free < missing + MARGIN:
            raise BlobError(
                f"{missing / 1e6:,.1f} MB are to be stored in {self.folder}, where {free / 1e6:,.1f} MB are free, "
                f"of which {MARGIN / 1e6:,.0f} MB must stay so"
            )

    def remove(self, digest: str) -> int:
        """Delete a blob and what was begun of it; returns the bytes freed. A reader that has it open keeps it."""
        freed = 0
        for path in (self.path(digest), self.folder / f"{checked_digest(digest)}.part"):
            size = _size(path)
            with suppress(OSError):
                path.unlink()
                freed += size
        return freed

    def partial(self) -> list[str]:
        """The digests of blobs that were begun and not finished."""
        return sorted(path.stem for path in self.folder.glob("sha256-*.part"))

    def _part(self, blob: Blob) -> Path:
        return self.folder / f"{checked_digest(blob.digest)}.part"

    @contextmanager
    def _locked(self, blob: Blob, say: Callable[[str], None]) -> Iterator[None]:
        try:
            locks = self.folder / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            lock = FileLock(locks / checked_digest(blob.digest))
            try:
                lock.acquire(blocking=False)
            except Timeout:
                say(f"another process is fetching {blob.digest[:19]}: waiting for it")
                lock.acquire()
        except OSError as error:
            raise BlobError(f"cannot write to {self.folder}: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def _fetch(self, blob: Blob, source: Source, progress: Callable[[int], None], say: Callable[[str], None]) -> None:
        part = self._part(blob)
        resumed = _size(part) > 0
        digest = self._complete(blob, part, source, progress, say)
        if digest != blob.digest and resumed:  # what lay there from before may be what is wrong
            part.unlink()
            digest = self._complete(blob, part, source, progress, say)
        if digest != blob.digest:
            part.unlink()
            raise BlobError(f"{blob.digest} was asked for, what came is {digest}: nothing of it is kept")
        with _storing(part):
            os.replace(part, self.path(blob.digest))
            _sync_folder(self.folder)

    def _complete(
        self, blob: Blob, part: Path, source: Source, progress: Callable[[int], None], say: Callable[[str], None]
    ) -> str:
        """Bring `part` to the blob's size; returns the digest of what is in it then."""
        with _storing(part), part.open("a+b") as file:
            if file.tell() > blob.size:
                file.truncate(0)
            file.seek(0)
            hasher = hashlib.file_digest(file, "sha256")
            done, cuts = file.tell(), 0
            while done < blob.size:
                before = done
                try:
                    with closing(source(done)) as chunks:
                        for chunk in chunks:
                            if done + len(chunk) > blob.size:
                                file.truncate(0)
                                raise BlobError(f"{blob.digest} has {blob.size:,} bytes, more than that came")
                            file.write(chunk)
                            hasher.update(chunk)
                            done += len(chunk)
                            progress(done)
                    cut = CutError(f"{blob.digest[:19]} ended after {done:,} of {blob.size:,} bytes")
                    if done == before:
                        raise cut  # that is all there is of it
                except CutError as error:
                    cut = error
                if done == blob.size:
                    break
                cuts = 0 if done > before else cuts + 1
                if cuts > len(BACKOFF):
                    raise cut
                wait = BACKOFF[max(cuts - 1, 0)]
                say(f"{cut}; going on at {done:,} bytes in {wait:g} s")
                time.sleep(wait)
            file.flush()
            os.fsync(file.fileno())
        return f"sha256-{hasher.hexdigest()}"


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise BlobError(f"the disk with {path.parent} is full; what was fetched is kept") from error
        raise BlobError(f"cannot write to {path.parent}: {error.strerror or error}") from error


def _from_file(path: Path, offset: int) -> Chunks:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            yield chunk


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
