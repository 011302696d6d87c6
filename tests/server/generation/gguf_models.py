"""Language models small enough to write on the spot: real GGUF files with random weights, and adapters over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, quants

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CONTROL, _NORMAL = 3, 1


def alphabet() -> list[str]:
    """The 256 characters that stand for bytes in a vocabulary of GPT-2's kind."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    return [chr(byte if byte in shown else next(hidden)) for byte in range(256)]


def write_model(
    path: Path,
    *,
    architecture: str = "qwen2",
    width: int = 64,
    blocks: int = 2,
    inner: int = 128,
    context: int = 2048,
    template: str | None = CHATML,
    seed: int = 0,
    filler: int = 0,
    quantized: bool = False,
) -> Path:
    """A model that reads and writes any text byte by byte. `filler` adds tokens that no text has."""
    heads = max(1, width // 32)
    key_heads = max(1, heads // 2)
    filled = [f"unused{number}" for number in range(filler)]
    tokens = [*alphabet(), *SPECIAL, *filled]
    writer = GGUFWriter(str(path), architecture)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(blocks)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0 if quantized else LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([_NORMAL] * 256 + [_CONTROL] * len(SPECIAL) + [_NORMAL] * filler)
    writer.add_token_merges(["t h"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    random = np.random.default_rng(seed)
    for name, shape in _shapes(architecture, width, blocks, inner, key_heads * width // heads, len(tokens)).items():
        if name.endswith("norm.weight"):
            writer.add_tensor(name, np.ones(shape, np.float32))
            continue
        data = random.standard_normal(shape, dtype=np.float32) * (0.5 if len(shape) == 1 else shape[-1] ** -0.5)
        if quantized and len(shape) == 2:
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(data, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, data)
    _close(writer)
    return path


def write_adapter(path: Path, *, architecture: str = "qwen2", width: int = 64, rank: int = 4, seed: int = 1) -> Path:
    """A LoRA over the output of the first block's attention, large enough to be noticed."""
    writer = GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 16.0)
    random = np.random.default_rng(seed)
    for half, shape in (("lora_a", (rank, width)), ("lora_b", (width, rank))):
        writer.add_tensor(f"blk.0.attn_output.weight.{half}", random.standard_normal(shape, dtype=np.float32))
    _close(writer)
    return path


def _shapes(
    architecture: str, width: int, blocks: int, inner: int, keys: int, vocabulary: int
) -> dict[str, tuple[int, ...]]:
    block: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (width,), "ffn_norm.weight": (width,),
        "attn_q.weight": (width, width), "attn_k.weight": (keys, width), "attn_v.weight": (keys, width),
        "attn_output.weight": (width, width),
        "ffn_gate.weight": (inner, width), "ffn_up.weight": (inner, width), "ffn_down.weight": (width, inner),
    }  # fmt: skip
    if architecture == "qwen2":
        block |= {"attn_q.bias": (width,), "attn_k.bias": (keys,), "attn_v.bias": (keys,)}
    tensors = {f"blk.{number}.{name}": shape for number in range(blocks) for name, shape in block.items()}
    return {"token_embd.weight": (vocabulary, width), **tensors, "output_norm.weight": (width,)}


def _close(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
