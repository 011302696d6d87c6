"""What the server raises on purpose, beside the indexer's errors. Each message is one sentence a user can act on.

WhenceError
├── TrainingJobError    a training run cannot be started, stopped or used
└── ModelError          a model cannot be had, trusted or used
    ├── ManifestError   a manifest, an index of a registry or a name in it is not as docs/models.md describes
    ├── RegistryError   a registry cannot be read
    │   ├── CutError    the connection broke; the rest can be asked for
    │   └── OfflineError  it would have to be asked over a network, which the user has forbidden
    ├── BlobError       a blob is not what its digest says, or cannot be stored
    ├── GgufError       a GGUF file is damaged, lies about itself or holds no model that can be used
    ├── BundleError     a ZIP is no adapter, or one that does not fit its base
    ├── SignatureError  a manifest is not signed by the key that the user trusts
    └── GenerationError a model did not write; quotations answer instead
        ├── WorkerError   what runs it is not there, has died or does not answer
        │   └── LoadingError  it is not ready yet
        └── PromptError   the prompt or its grammar cannot be used
"""

from whence_indexer.errors import WhenceError


class ModelError(WhenceError):
    """A model cannot be had, trusted or used; what was there before is unharmed."""


class TrainingJobError(WhenceError):
    """A training run cannot be started, stopped or used; what runs made before is unharmed."""


class ManifestError(ModelError):
    """A manifest, a registry's index or a name in it is not as it must be."""


class RegistryError(ModelError):
    """A registry cannot be read; what was fetched of it before is kept."""


class CutError(RegistryError):
    """The connection broke or the registry is busy; asking again, from where it broke, may help."""


class OfflineError(RegistryError):
    """The user has forbidden the network that this needs."""


class BlobError(ModelError):
    """A blob is not what its digest says, or cannot be stored."""


class GgufError(ModelError):
    """A GGUF file is damaged, lies about itself or holds no model that can be used."""


class BundleError(ModelError):
    """A ZIP is no adapter, or one that does not fit its base."""


class SignatureError(ModelError):
    """A manifest is not signed by the key that the user trusts."""


class GenerationError(ModelError):
    """A model did not write what it was asked for."""


class WorkerError(GenerationError):
    """The process that runs the model cannot start, has died or does not answer; it may be back soon."""


class LoadingError(WorkerError):
    """The model is still being loaded."""


class PromptError(GenerationError):
    """The prompt is longer than the model's context, or its grammar makes no sense."""


class UnquotableError(PromptError):
    """The evidence has no sentence that a model which quotes could say: it was not asked."""
