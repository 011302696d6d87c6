"""What training raises on purpose, beside the errors of the packages it uses. Each message is one a user can act on.

WhenceError
└── TrainingError        a stage cannot do its work
    ├── ConfigError      the configuration has an unknown key or a value that cannot be
    ├── InputError       a stage lacks what an earlier one makes, or a file to import is not what it should be
    ├── BlockedError     a gate holds the data, or a model, back
    │   └── CanaryError  a deployed model did not answer as it must, and was taken back
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
    """A gate holds the data, or a model, back. A result, not a failure: the reasons and what to try are said."""


class CanaryError(BlockedError):
    """A deployed model did not answer as it must; who answered before answers again."""


class ExportError(TrainingError):
    """What was trained cannot be written as GGUF; nothing was written."""


class EngineError(TrainingError):
    """The engine of workflows does not run."""
