"""Real GGUF files, small: a qwen2 of two blocks and adapters over it, written by the `gguf` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, LlamaFileType

WIDTH, BLOCKS, HEADS, KEY_HEADS, INNER = 32, 2, 4, 2, 64
TOKENS = [f"t{number}" for number in range(40)]


def write_model(
    path: Path, seed: int = 0, tokens: list[str] = TOKENS, template: str | None = None, **changed: Any
) -> Path:
    """A model in `path`; `changed` replaces what the file claims of itself, or with `drop` leaves a tensor out."""
    claims = {"block_count": BLOCKS, "context": 256, "width": WIDTH, "architecture": "qwen2", "drop": ""} | changed
    writer = GGUFWriter(str(path), claims["architecture"])
    writer.add_context_length(claims["context"])
    writer.add_embedding_length(claims["width"])
    writer.add_block_count(claims["block_count"])
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_license("apache-2.0")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges(["t 1"])
    writer.add_eos_token_id(claims.get("eos", 0))
    if template is not None:
        writer.add_chat_template(template)
    random = np.random.default_rng(seed)
    for name, shape in model_shapes(len(tokens)).items():
        if name != claims["drop"]:
            writer.add_tensor(name, random.standard_normal(shape[::-1], dtype=np.float32))
    _close(writer)
    return path


def model_shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Every tensor with its dimensions, the fastest first."""
    keys = WIDTH // HEADS * KEY_HEADS
    block: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (WIDTH,), "ffn_norm.weight": (WIDTH,),
        "attn_q.weight": (WIDTH, WIDTH), "attn_q.bias": (WIDTH,),
        "attn_k.weight": (WIDTH, keys), "attn_k.bias": (keys,),
        "attn_v.weight": (WIDTH, keys), "attn_v.bias": (keys,),
        "attn_output.weight": (WIDTH, WIDTH),
        "ffn_gate.weight": (WIDTH, INNER), "ffn_up.weight": (WIDTH, INNER), "ffn_down.weight": (INNER, WIDTH),
    }  # fmt: skip
    blocks = {f"blk.{number}.{name}": shape for number in range(BLOCKS) for name, shape in block.items()}
    return {"token_embd.weight": (WIDTH, vocabulary), **blocks, "output_norm.weight": (WIDTH,)}


def write_adapter(
    path: Path, rank: int = 4, architecture: str = "qwen2", target: str = "blk.0.attn_q.weight", inner: int = WIDTH
) -> Path:
    """A LoRA for one tensor."""
    writer = GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    writer.add_tensor(f"{target}.lora_a", np.ones((rank, inner), dtype=np.float32))
    writer.add_tensor(f"{target}.lora_b", np.ones((WIDTH, rank), dtype=np.float32))
    _close(writer)
    return path


def _close(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
