"""The model that is tuned: what the configuration names -> the GGUF that serves it, and its weights for training.

A GGUF is enough: transformers loads the very weights that llama.cpp runs. Of a Hugging Face folder a GGUF is made once.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from whence_indexer.repository import Repository
from whence_server.errors import ModelError
from whence_server.generation.local import CONTEXT
from whence_server.models.choosing import Active, active, load, scope_of
from whence_server.models.gguffile import read_model
from whence_server.models.installed import Home, find
from whence_server.models.manifest import Mode
from whence_server.models.naming import reference
from whence_training.config import Finetuning
from whence_training.errors import ConfigError, ExportError
from whence_training.gguf_export import write_model
from whence_training.runfolder import digest_of

_ARCHITECTURE = "qwen2"  # of which adapters can be written


@dataclass(frozen=True, slots=True)
class Base:
    """`file` is the GGUF that is asked, `weights` what transformers loads: a folder, or that file. `context` in tokens.

    `champion` is what answers in this repository today, where that is installed.
    """

    name: str
    file: Path
    weights: Path
    mode: Mode
    context: int
    blocks: int
    champion: Active | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the GGUF."""
        return digest_of(self.file)


def find_base(wanted: str | None, repository: Repository, home: Home, cache: Path) -> Base:
    """The base of this name: a GGUF file, a Hugging Face folder or an installed model; None for the one in use.

    `cache` is a folder for GGUFs made of other formats. Raises `ConfigError` where there is none, `ExportError` where
    an adapter of it could not be written in the end.
    """
    scope = scope_of(repository)
    champion = active(home, scope)
    if wanted is None:
        if champion is None:
            raise ConfigError("no model is in use here: name one in finetuning.base_model, or install one")
        return _of(champion.manifest.name, champion.base, champion.base, champion.manifest.mode, champion)
    path = Path(wanted).expanduser()
    if path.is_dir():
        file = _converted(path, cache)
        return _of(path.resolve().name, file, path, read_model(file).mode, champion)
    if path.is_file():
        return _of(path.stem, path.resolve(), path.resolve(), read_model(path).mode, champion)
    try:
        chosen = load(home, find(home.state(), reference(wanted), scope))
    except ModelError as error:
        raise ConfigError(f"finetuning.base_model: {error}, nor is {wanted} a file or folder") from error
    return _of(chosen.manifest.name, chosen.base, chosen.base, chosen.manifest.mode, champion)


def load_model(weights: Path, told: Finetuning) -> Any:
    """A folder or GGUF in transformers, in 32 bits or those of `quantization`. Raises `ConfigError` without CUDA."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "sdpa", "local_files_only": True}
    if told.quantization is not None:
        options["quantization_config"] = _bits(told.quantization)
    if weights.is_dir():
        return AutoModelForCausalLM.from_pretrained(weights, **options)
    with redirect_stderr(io.StringIO()):  # it draws a bar that nothing else turns off
        return AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, **options)


def _bits(quantization: str) -> Any:
    import torch
    from transformers import BitsAndBytesConfig
    from transformers.utils import is_bitsandbytes_available

    if not torch.cuda.is_available():
        raise ConfigError(f"finetuning.quantization {quantization} needs CUDA; leave it out on this machine")
    if not is_bitsandbytes_available():
        raise ConfigError(f"finetuning.quantization {quantization} needs bitsandbytes: pip install bitsandbytes")
    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def _of(name: str, file: Path, weights: Path, mode: Mode, champion: Active | None) -> Base:
    model = read_model(file)
    if model.architecture != _ARCHITECTURE:
        raise ExportError(f"{name} is a {model.architecture}; adapters are written for {_ARCHITECTURE} alone")
    blocks = 1 + max(int(tensor.split(".")[1]) for tensor in model.tensors if tensor.startswith("blk."))
    return Base(name, file, weights, mode, min(CONTEXT, model.context), blocks, champion)


def _converted(folder: Path, cache: Path) -> Path:
    """The folder's model as GGUF in 16 bits, named after its content."""
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        try:
            digest.update(digest_of(folder / name).encode())
        except OSError as error:
            raise ConfigError(f"finetuning.base_model: {folder} has no {name}: {error.strerror}") from error
    file = cache / f"{digest.hexdigest()[:32]}.gguf"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / ".lock"):  # several runs share it
        if not file.exists():
            write_model(folder, file, half=True)
    return file
