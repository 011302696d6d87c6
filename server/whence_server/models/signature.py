"""Whether a manifest is signed by the key that the user trusts: Ed25519 over its bytes, as OpenSSL makes them too.

A manifest names all its blobs by digest, so that its signature covers them. Aliases are not signed.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING

from whence_indexer import extras
from whence_server.errors import SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_BYTES = 1 << 12


def trusted_key() -> bytes | None:
    """The public key (PEM) of the file that WHENCE_MODEL_KEY names. Raises `SignatureError`."""
    path = os.environ.get("WHENCE_MODEL_KEY")
    try:
        return Path(path).expanduser().read_bytes() if path else None
    except OSError as error:
        raise SignatureError(f"{path}, which WHENCE_MODEL_KEY names, cannot be read: {error.strerror}") from error


def check_signature(data: bytes, signature: bytes | None, key: bytes) -> None:
    """Raise `SignatureError` unless `signature` (base64) is that of `data` by the public `key` (PEM)."""
    if not signature:
        raise SignatureError("it is not signed, and a key that must have signed it was named")
    public = _public_key(key)
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(base64.b64decode(signature.strip(), validate=True), data)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SignatureError("its signature is not by the key that is trusted") from error


def sign(data: bytes, key: bytes) -> bytes:
    """The signature (base64, one line) of `data` by the private `key` (PEM, without password)."""
    _require()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise SignatureError("the key cannot be read: PEM without a password") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SignatureError("the key is no Ed25519 key")
    return base64.b64encode(private.sign(data)) + b"\n"


def _public_key(key: bytes) -> Ed25519PublicKey:
    _require()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError("the trusted key cannot be read: a public key in PEM") from error
    if not isinstance(public, Ed25519PublicKey):
        raise SignatureError("the trusted key is no Ed25519 key")
    return public


def _require() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise SignatureError(f"signatures need one more package: {extras.command('signatures')}") from error
