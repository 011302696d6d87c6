"""What training raises on purpose, beside the errors of the packages it uses. Each message is one a user can act on.

WhenceError
└── TrainingError        a stage cannot do its work
    ├── ConfigError      the configuration has an unknown key or a value that cannot be
    ├── InputError       a stage lacks what an earlier one makes, or a file to import is not what it should be
    ├── BlockedError     the data must not be trained on as it is
    └── ExportError      what was trained cannot be written as GGUF
"""

from whence_indexer.errors import WhenceError


class TrainingError(WhenceError):
    """A stage cannot do its work."""


class ConfigError(TrainingError):
    """The configuration cannot be used; the command line reports it as bad usage."""


class InputError(TrainingError):
    """Something that a stage reads is missing or is not what it should be."""


class BlockedError(TrainingError):
    """A gate holds the data back. That is a result, not a failure: the reasons and a proposal are written down."""


class ExportError(TrainingError):
    """What was trained cannot be written as GGUF; nothing was written."""
