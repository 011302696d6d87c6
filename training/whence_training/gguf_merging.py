"""A base and a LoRA over it, both GGUF -> one model without an adapter, in 32 bits, for what runs none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import dequantize
from numpy.typing import NDArray

from whence_server.models.gguffile import check_fit, read_adapter, read_model

_OWN = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def write_merged(base: Path, adapter: Path, target: Path) -> Path:
    """The model at `base` with the weights of `adapter` added, at `target` when it is whole. Raises `GgufError`."""
    model, lora = read_model(base), read_adapter(adapter)
    check_fit(lora, model)
    halves = {tensor.name: np.asarray(tensor.data, np.float32) for tensor in GGUFReader(adapter).tensors}
    held = GGUFReader(base)
    draft = target.with_name(f".{target.name}.part")
    writer = GGUFWriter(str(draft), model.architecture)
    for field in held.fields.values():
        if not field.name.startswith(_OWN):
            inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    writer.add_file_type(LlamaFileType.ALL_F32)
    for tensor in held.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        writer.add_tensor(tensor.name, values + _change(tensor.name, halves, lora.alpha))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    read_model(draft)
    draft.replace(target)
    return target


def _change(name: str, halves: dict[str, NDArray[np.float32]], alpha: float) -> NDArray[Any] | float:
    """What the LoRA adds to a tensor, scaled as llama.cpp does: alpha / rank."""
    if f"{name}.lora_a" not in halves:
        return 0.0
    down, up = halves[f"{name}.lora_a"], halves[f"{name}.lora_b"]
    change: NDArray[Any] = (up @ down) * np.float32(alpha / len(down))
    return change
