"""What training raises on purpose. Each message is one sentence a user can act on."""

from whence_indexer.errors import WhenceError


class ExportError(WhenceError):
    """What was trained cannot be written as GGUF; nothing was written."""
