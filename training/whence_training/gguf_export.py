"""A trained model, or a LoRA over one, as the GGUF files that llama.cpp runs: ours alone, checked before they are done.

Takes the folders that transformers and PEFT save (`config.json`, `model.safetensors`, `tokenizer.json`;
`adapter_config.json`, `adapter_model.safetensors`). Knows the Qwen2 architecture, whose tensors go over as they are.
Reads no pickles and needs no torch; `quantize` needs the `[model]` extra.
"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gguf import MODEL_ARCH, GGUFWriter, LlamaFileType, TokenType, get_tensor_name_map
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from whence_server.errors import GgufError
from whence_server.models.gguffile import read_adapter, read_model
from whence_training.errors import ExportError

Quantization = Literal["Q8_0", "Q4_K_M"]

PRE = "qwen2"  # of tokenizer.ggml.pre: how llama.cpp calls splitting by SPLIT
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ARCHITECTURE = "qwen2"
_FILE_TYPES = {"Q8_0": LlamaFileType.MOSTLY_Q8_0, "Q4_K_M": LlamaFileType.MOSTLY_Q4_K_M}
_KEY = "base_model.model."  # before the names of PEFT
_HALVES = {"lora_A.weight": "lora_a", "lora_B.weight": "lora_b"}


def write_model(folder: Path, target: Path, half: bool = False) -> Path:
    """The model in `folder` as GGUF at `target`, in 32 bits, or its matrices in 16 with `half`. Raises `ExportError`.

    `target` is there when it is whole.
    """
    config = _json(folder / "config.json")
    if config.get("model_type") != _ARCHITECTURE:
        raise ExportError(f"{folder} holds a {config.get('model_type')}, not a {_ARCHITECTURE}")
    names = get_tensor_name_map(MODEL_ARCH.QWEN2, config["num_hidden_layers"])
    tensors = {}
    for name, values in _tensors(folder / "model.safetensors").items():
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        tensors[_mapped(names, name)] = values.astype(np.float16 if half and values.ndim == 2 else np.float32)
    draft = _draft(target)
    writer = GGUFWriter(str(draft), _ARCHITECTURE)
    _add_shape(writer, config)
    writer.add_file_type(LlamaFileType.MOSTLY_F16 if half else LlamaFileType.ALL_F32)
    _add_tokenizer(writer, folder, config)
    return _finish(writer, tensors, draft, target, adapter=False)


def write_adapter(folder: Path, target: Path, blocks: int) -> Path:
    """The LoRA that PEFT saved in `folder`, over a model of so many blocks, as GGUF at `target`. Raises `ExportError`.

    llama.cpp scales by alpha / rank; a rank-stabilised one is written with the alpha that gives the same.
    """
    config = _json(folder / "adapter_config.json")
    for key, plain in (("use_dora", False), ("bias", "none"), ("alpha_pattern", {}), ("modules_to_save", None)):
        if config.get(key) not in (plain, None, [], {}):
            raise ExportError(f'llama.cpp knows no adapter with "{key}": {config[key]!r}')
    names, tensors = get_tensor_name_map(MODEL_ARCH.QWEN2, blocks), {}
    for name, values in _tensors(folder / "adapter_model.safetensors").items():
        half = next((half for half in _HALVES if name.endswith(f".{half}")), None)
        if half is None:
            raise ExportError(f"{name} in {folder} is no half of a LoRA")
        base = _mapped(names, name.removeprefix(_KEY).removesuffix(half) + "weight")
        tensors[f"{base}.{_HALVES[half]}"] = values.astype(np.float32)
    draft = _draft(target)
    writer = GGUFWriter(str(draft), _ARCHITECTURE)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    root = math.sqrt(config["r"]) if config.get("use_rslora") else 1.0
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]) * root)
    return _finish(writer, tensors, draft, target, adapter=True)


def quantize(source: Path, target: Path, kind: Quantization) -> Path:
    """The model at `source` with fewer bits, by llama.cpp itself. Raises `ExportError`."""
    import llama_cpp.llama_cpp as ll

    params = ll.llama_model_quantize_default_params()
    params.ftype = int(_FILE_TYPES[kind])
    draft = _draft(target)
    if ll.llama_model_quantize(str(source).encode(), str(draft).encode(), ctypes.byref(params)):
        draft.unlink(missing_ok=True)
        raise ExportError(f"llama.cpp cannot write {source} as {kind}")
    return _checked(draft, target, read_model)


def _add_shape(writer: GGUFWriter, config: Mapping[str, Any]) -> None:
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": config.get("rope_theta", 10_000.0)}
    if rope.get("rope_type", "default") != "default" or config.get("use_sliding_window"):
        raise ExportError("only plain rotary positions and full attention are written")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope["rope_theta"])


def _add_tokenizer(writer: GGUFWriter, folder: Path, config: Mapping[str, Any]) -> None:
    """The vocabulary, by number; numbers of the embedding that no token has are unused ones."""
    tokenizer = _json(folder / "tokenizer.json")
    if tokenizer["model"]["type"] != "BPE" or SPLIT not in _patterns(tokenizer["pre_tokenizer"]):
        raise ExportError(f"the tokenizer in {folder} does not split as {PRE} does")
    size = config["vocab_size"]
    tokens, types = [f"[PAD{number}]" for number in range(size)], [TokenType.UNUSED] * size
    for token, number in tokenizer["model"]["vocab"].items():
        tokens[number], types[number] = token, TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        kind = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], kind
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    end = config["eos_token_id"]
    writer.add_eos_token_id(end[0] if isinstance(end, list) else end)
    writer.add_add_bos_token(False)
    if (template := folder / "chat_template.jinja").exists():
        writer.add_chat_template(template.read_text())


def _patterns(splitter: Any) -> list[str]:
    """The regular expressions that a pre-tokenizer splits by."""
    parts = splitter.get("pretokenizers", ()) if splitter else ()
    own = [splitter["pattern"]["Regex"]] if splitter and "Regex" in splitter.get("pattern", {}) else []
    return [*own, *(pattern for part in parts for pattern in _patterns(part))]


def _finish(writer: GGUFWriter, tensors: Mapping[str, NDArray[Any]], draft: Path, target: Path, adapter: bool) -> Path:
    """Write all, look at it as whoever loads it does, and only then let it be there."""
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return _checked(draft, target, read_adapter if adapter else read_model)


def _checked(draft: Path, target: Path, read: Callable[[Path], object]) -> Path:
    """Let it be there if it can be read."""
    try:
        read(draft)
    except GgufError as error:
        draft.unlink()
        raise ExportError(f"{target.name} cannot be used as it was written: {error}") from error
    draft.replace(target)
    return target


def _mapped(names: Any, name: str) -> str:
    mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
    if mapped is None:
        raise ExportError(f"a {_ARCHITECTURE} has no tensor {name}")
    return str(mapped)


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a file, in 32 bits."""
    try:
        with safe_open(path, "pt") as file:  # numpy knows no bfloat16
            return {name: file.get_tensor(name).float().numpy() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ExportError(f"{path} cannot be read: {error}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {error}") from error


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")
