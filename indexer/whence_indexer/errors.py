"""Everything the indexer raises on purpose. Each message is one sentence a user can act on.

WhenceError
├── RepositoryError   not a folder, no permission, git refuses
│   ├── SourceError   a file or lines of it that have no history to tell
│   └── SlowError     git was given up on
├── StoreError        the index cannot be read, written or made sense of
│   ├── NoIndexError  there is none yet
│   ├── DamagedError  what is there cannot be made sense of; a rebuild mends it
│   ├── ReadOnlyError the index may be read but not written
│   └── LockedError   another process is writing the index
├── TrackerError      threads cannot be fetched from a tracker or read from a file
│   └── MissingError  the tracker knows no such thing, or hides it
│       └── GoneError it is turned off
├── ProcessorError    this processor lacks what a library needs
├── EmbedderError     the embedding model cannot be loaded or does not fit the index
└── QueryError        the question or an option cannot be used
"""


class WhenceError(Exception):
    """Base of all errors raised on purpose; its text is fit to be shown to the user."""


class RepositoryError(WhenceError):
    """The repository cannot be read."""


class SourceError(RepositoryError):
    """The lines asked about have no history: they, or their file, are not there or not git's."""


class SlowError(RepositoryError):
    """Git took longer than it was given."""


class PeriodError(RepositoryError):
    """A question's time means nothing here: there is no such version, or no such day."""


class StoreError(WhenceError):
    """The index cannot be read or written."""


class NoIndexError(StoreError):
    """The repository has not been indexed."""


class DamagedError(StoreError):
    """The index cannot be made sense of; rebuilding it from the repository mends that."""


class ReadOnlyError(StoreError):
    """The index may be read but not written."""


class LockedError(StoreError):
    """Another process holds the write lock of the index."""


class TrackerError(WhenceError):
    """Issues and pull requests cannot be fetched or read; what came before is kept."""


class MissingError(TrackerError):
    """The tracker knows no such thing, or hides it from whoever asks."""


class GoneError(MissingError):
    """The tracker has this part of the project turned off."""


class EmbedderError(WhenceError):
    """The embedding model cannot be loaded or used."""


class ProcessorError(WhenceError):
    """This processor lacks an instruction that a library needs."""


class QueryError(WhenceError):
    """The query cannot be used; the command line reports it as bad usage."""
