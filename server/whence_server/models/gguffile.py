"""What a GGUF file says it is, held against what is in it: refused here, it never reaches llama.cpp.

Takes a path, returns a `Model` or an `Adapter`, or raises `GgufError` with the reason. Loads no weights: damage inside
them shows in the file's digest alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_server.errors import GgufError
from whence_server.models.ggufformat import Array, Contents, Tensor, read_contents
from whence_server.models.manifest import Mode
from whence_server.models.naming import shown

_WRITES_FROM = 1_000_000_000  # parameters; smaller models invent too much to write freely
MAX_TEMPLATE_CHARACTERS = 1 << 18
# Rows of a prompt that llama.cpp computes at once (n_ubatch) on a GPU, which its working memory is made for.
_BATCH = 512
# Python, numpy and llama.cpp themselves, and what llama.cpp keeps of each token of the vocabulary: as measured.
_PROCESS_BYTES, _TOKEN_BYTES = 47_000_000, 200
_MAX_BLOCKS = 1 << 16
_KV_BYTES = 2  # f16, the default
_TENSOR = re.compile(r"(?:blk\.(\d{1,5})\.)?([a-z0-9_.]+?)\.(?:weight|bias|scale|input_scale)\Z")
_VOCABULARY = ("model", "pre", "tokens", "token_type", "merges")
# Those whose blocks are all alike: attention and a gated layer, each of known shape.
_PLAIN = frozenset({"llama", "qwen2", "qwen3"})


@dataclass(frozen=True)
class Model:
    """A language model in a file.

    `context` is the longest it was made for, in tokens; `quantization` the file's own name for it; `tokenizer` a digest
    of the vocabulary; `cache_bytes` what one token of context takes; `working_bytes` an estimate of the rest.
    """

    architecture: str
    parameters: int
    context: int
    quantization: str
    chat_template: str | None
    licence: str
    tokenizer: str
    vocabulary: int
    weight_bytes: int
    cache_bytes: int
    working_bytes: int
    tensors: Mapping[str, Tensor]

    @property
    def mode(self) -> Mode:
        """How it answers unless a manifest says: smaller ones, and those that know no chat, only choose quotations."""
        return "write" if self.chat_template and self.parameters >= _WRITES_FROM else "quote"

    def memory_bytes(self, context: int = 4096) -> int:
        """About what it takes in memory with so many tokens of context: weights, cache and the rest.

        `tests/benchmarks/generation.py` holds it against a worker.
        """
        return self.weight_bytes + self.cache_bytes * min(context, self.context) + self.working_bytes


@dataclass(frozen=True)
class Adapter:
    """A LoRA in a file: its architecture, alpha and ranks, and the pair of shapes for each tensor it changes."""

    architecture: str
    alpha: float
    ranks: tuple[int, ...]
    tokenizer: str | None
    parameters: int
    pairs: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]


def read_model(path: Path) -> Model:
    """The model in the file at `path`. Raises `GgufError`: why it cannot be one that writes."""
    contents = read_contents(path)
    try:
        return _model(contents)
    except GgufError as error:
        raise GgufError(f"{path.name} is refused: {error}") from error


def read_adapter(path: Path) -> Adapter:
    """The adapter in the file at `path`. Raises `GgufError`."""
    contents = read_contents(path)
    try:
        return _adapter(contents)
    except GgufError as error:
        raise GgufError(f"{path.name} is refused: {error}") from error


def check_fit(adapter: Adapter, model: Model) -> None:
    """Raise `GgufError` unless `adapter` fits `model`: architecture, vocabulary and every shape, as llama.cpp asks."""
    if adapter.architecture != model.architecture:
        raise GgufError(f"the adapter is for {adapter.architecture}, its base is {model.architecture}")
    if adapter.tokenizer not in (None, model.tokenizer):
        raise GgufError("the adapter was made with another tokenizer than its base has")
    for name, (a, b) in adapter.pairs.items():
        if name not in model.tensors:
            raise GgufError(f"the adapter changes {shown(name)}, which its base lacks")
        shape = model.tensors[name].shape
        # The embedding is looked up, not multiplied: its pair is stored the other way round.
        fits = (b[1], a[1]) if name == "token_embd.weight" else (a[0], b[1])
        if len(shape) != 2 or fits != shape:
            raise GgufError(f"the adapter changes {shown(name)} as {list(fits)}, in its base it is {list(shape)}")


def _model(contents: Contents) -> Model:
    keys = _Keys(contents.keys)
    if keys.text("general.type", "model") != "model":
        raise GgufError(f"it holds {shown(keys.text('general.type'))}, no model")
    if contents.keys.get("split.count", 1) not in (0, 1):
        raise GgufError(f"it is one of {contents.keys['split.count']} parts; join them with llama-gguf-split --merge")
    keys.architecture = _architecture(keys)
    if contents.keys.get(f"{keys.architecture}.attention.causal") is False:
        raise GgufError(f"a {keys.architecture} without causal attention writes no text")
    context, width, blocks = keys.size("context_length"), keys.size("embedding_length"), keys.size("block_count")
    vocabulary = _vocabulary(keys)
    _check_names(contents.tensors, keys.architecture, blocks)
    _check_shape(contents.tensors, "token_embd.weight", (width, vocabulary))
    if keys.architecture in _PLAIN and not contents.keys.get(f"{keys.architecture}.expert_count"):
        _check_blocks(contents.tensors, keys, width, blocks, vocabulary)
    weights = sum(tensor.size for tensor in contents.tensors.values())
    return Model(
        architecture=keys.architecture,
        parameters=sum(tensor.elements for tensor in contents.tensors.values()),
        context=context,
        quantization=_quantization(contents),
        chat_template=_chat_template(keys),
        licence=keys.text("general.license", ""),
        tokenizer=_tokenizer(contents.keys),
        vocabulary=vocabulary,
        weight_bytes=weights,
        cache_bytes=_cache_bytes(keys, width, blocks),
        working_bytes=4 * _BATCH * (4 * width + 2 * max(keys.sizes("feed_forward_length", 4 * width)))
        + _PROCESS_BYTES
        + _TOKEN_BYTES * vocabulary,
        tensors=contents.tensors,
    )


def _adapter(contents: Contents) -> Adapter:
    keys = _Keys(contents.keys)
    if keys.text("general.type", "model") != "adapter" or keys.text("adapter.type", "") != "lora":
        raise GgufError("it holds no LoRA adapter")
    alpha = contents.keys.get("adapter.lora.alpha")
    if not isinstance(alpha, float) or not 0 < alpha < 1e6:
        raise GgufError(f'"adapter.lora.alpha" is {shown(alpha)}')
    pairs = {}
    for name, tensor in contents.tensors.items():
        base, _, part = name.rpartition(".")
        other = f"{base}.{'lora_b' if part == 'lora_a' else 'lora_a'}"
        if part not in ("lora_a", "lora_b") or other not in contents.tensors:
            raise GgufError(f"tensor {shown(name)} is no half of a LoRA pair")
        if len(tensor.shape) != 2:
            raise GgufError(f"tensor {shown(name)} has the shape {list(tensor.shape)}")
        pairs[base] = (contents.tensors[f"{base}.lora_a"].shape, contents.tensors[f"{base}.lora_b"].shape)
    if not pairs:
        raise GgufError("it holds no tensors")
    if unlike := [name for name, (a, b) in pairs.items() if name != "token_embd.weight" and a[1] != b[0]]:
        raise GgufError(f"the two halves for {shown(unlike[0])} have different ranks")
    ranks = tuple(sorted({b[0] if name != "token_embd.weight" else a[0] for name, (a, b) in pairs.items()}))
    has_tokens = isinstance(contents.keys.get("tokenizer.ggml.tokens"), Array)
    return Adapter(
        architecture=_architecture(keys),
        alpha=alpha,
        ranks=ranks,
        tokenizer=_tokenizer(contents.keys) if has_tokens else None,
        parameters=sum(tensor.elements for tensor in contents.tensors.values()),
        pairs=pairs,
    )


class _Keys:
    """The keys of a file, each asked for as what it must be."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = keys
        self.architecture = ""

    def text(self, key: str, default: str | None = None) -> str:
        value = self.keys.get(key, default)
        if not isinstance(value, str):
            raise GgufError(f'"{key}" is {"missing" if value is None else "no text"}')
        return value

    def sizes(self, key: str, default: int | None = None) -> tuple[int, ...]:
        """One size for all blocks, or one for each."""
        key = f"{self.architecture}.{key}"
        value = self.keys.get(key, default)
        values = tuple(value.values[:_MAX_BLOCKS]) if isinstance(value, Array) else (value,)
        for size in values:
            if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 31:
                raise GgufError(f'"{key}" is {"missing" if value is None else shown(size)}')
        if not any(values):
            raise GgufError(f'"{key}" is 0')
        return values

    def size(self, key: str, default: int | None = None) -> int:
        sizes = self.sizes(key, default)
        if len(set(sizes)) != 1:
            raise GgufError(f'"{self.architecture}.{key}" differs between blocks')
        return sizes[0]


def _architecture(keys: _Keys) -> str:
    from gguf import MODEL_ARCH_NAMES

    architecture = keys.text("general.architecture")
    if architecture not in MODEL_ARCH_NAMES.values():
        raise GgufError(f"its architecture {shown(architecture)} is not known")
    return architecture


def _vocabulary(keys: _Keys) -> int:
    """How many tokens there are, after a look at whether all that is said of them agrees."""
    keys.text("tokenizer.ggml.model")
    tokens = keys.keys.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, Array) or tokens.kind != 8 or not tokens.values:
        raise GgufError('"tokenizer.ggml.tokens" is missing')
    count = len(tokens.values)
    for name in ("scores", "token_type"):
        other = keys.keys.get(f"tokenizer.ggml.{name}")
        if other is not None and not (isinstance(other, Array) and len(other.values) == count):
            raise GgufError(f'"tokenizer.ggml.{name}" is not one number for each of {count:,} tokens')
    for key, value in keys.keys.items():
        named = key.startswith("tokenizer.ggml.") and key.endswith("_token_id")
        if named and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count):
            raise GgufError(f'"{key}" is {shown(value)}; there are {count:,} tokens')
    return count


def _check_names(tensors: Mapping[str, Tensor], architecture: str, blocks: int) -> None:
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, MODEL_TENSORS, TENSOR_NAMES

    member = next(MODEL_ARCH(number) for number, name in MODEL_ARCH_NAMES.items() if name == architecture)
    expected = {TENSOR_NAMES[tensor].removeprefix("blk.{bid}.") for tensor in MODEL_TENSORS[member]}
    seen = set()
    for name in tensors:
        parts = _TENSOR.match(name)
        if not parts or parts[2] not in expected:
            raise GgufError(f"a {architecture} has no tensor {shown(name)}")
        if parts[1]:
            seen.add(int(parts[1]))
    if len(seen) != blocks or max(seen, default=-1) >= blocks:  # never a set of as many as it claims
        raise GgufError(f"it claims to have {blocks:,} blocks, the tensors are of {len(seen):,}")


def _check_blocks(tensors: Mapping[str, Tensor], keys: _Keys, width: int, blocks: int, vocabulary: int) -> None:
    heads, inner = keys.size("attention.head_count"), keys.size("feed_forward_length")
    key_heads = keys.size("attention.head_count_kv", heads)
    if heads % key_heads or (width % heads and f"{keys.architecture}.attention.key_length" not in keys.keys):
        raise GgufError(f"{heads} heads, {key_heads} of keys, do not go with a width of {width:,}")
    key, value = (keys.size(f"attention.{name}_length", width // heads) for name in ("key", "value"))
    shapes = {
        "attn_norm": (width,), "ffn_norm": (width,),
        "attn_q": (width, heads * key), "attn_k": (width, key_heads * key), "attn_v": (width, key_heads * value),
        "attn_output": (heads * value, width),
        "ffn_gate": (width, inner), "ffn_up": (width, inner), "ffn_down": (inner, width),
    }  # fmt: skip
    for block in range(blocks):
        for name, shape in shapes.items():
            _check_shape(tensors, f"blk.{block}.{name}.weight", shape)
            if f"blk.{block}.{name}.bias" in tensors:
                _check_shape(tensors, f"blk.{block}.{name}.bias", shape[-1:])
    _check_shape(tensors, "output_norm.weight", (width,))
    if "output.weight" in tensors:
        _check_shape(tensors, "output.weight", (width, vocabulary))


def _check_shape(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> None:
    if name not in tensors:
        raise GgufError(f"tensor {shown(name)} is missing")
    if tensors[name].shape != shape:
        raise GgufError(f"tensor {shown(name)} has the shape {list(tensors[name].shape)}, it must be {list(shape)}")


def _cache_bytes(keys: _Keys, width: int, blocks: int) -> int:
    heads = keys.sizes("attention.head_count")
    key_heads = keys.sizes("attention.head_count_kv", max(heads))
    head = width // max(heads) or 1
    lengths = sum(keys.size(f"attention.{name}_length", head) for name in ("key", "value"))
    return _KV_BYTES * lengths * (sum(key_heads) if len(key_heads) > 1 else key_heads[0] * blocks)


def _quantization(contents: Contents) -> str:
    """The file's own name for it, else the type that most numbers are in."""
    from gguf import LlamaFileType

    named = contents.keys.get("general.file_type")
    if isinstance(named, int) and named in LlamaFileType._value2member_map_ and named != LlamaFileType.GUESSED:
        return LlamaFileType(named).name.removeprefix("MOSTLY_").removeprefix("ALL_")
    count: Counter[str] = Counter()
    for tensor in contents.tensors.values():
        count[tensor.type] += tensor.elements
    return count.most_common(1)[0][0]


def _chat_template(keys: _Keys) -> str | None:
    if "tokenizer.chat_template" not in keys.keys:
        return None
    template = keys.text("tokenizer.chat_template")
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        raise GgufError(f"its chat template is {len(template):,} characters long")
    return template


def _tokenizer(keys: Mapping[str, Any]) -> str:
    """A digest of the vocabulary alone: what turns text into the numbers that the weights were trained on."""
    digest = hashlib.sha256()
    for name in _VOCABULARY:
        value = keys.get(f"tokenizer.ggml.{name}")
        digest.update(f"\0{name}\0".encode())
        for item in _items(value):
            data = item if isinstance(item, bytes) else str(item).encode()
            digest.update(len(data).to_bytes(8, "little") + data)
    return f"sha256-{digest.hexdigest()}"


def _items(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value.values if isinstance(value, Array) else (value,)
