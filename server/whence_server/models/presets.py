"""Models that are known to fit, by a short name each: what `whence models pull NAME` fetches without a registry.

They are Hugging Face's files of the models' makers. `memory` is by the estimate of `gguffile`, with 4,096 tokens of
context.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """A GGUF file of Hugging Face; `size` and `memory` in GB, rounded."""

    spec: str
    size: float
    memory: float
    about: str


def _qwen(repository: str, file: str, size: float, memory: float, about: str) -> Preset:
    return Preset(f"hf://Qwen/{repository}-GGUF/{file}.gguf", size, memory, about)


PRESETS = {
    "qwen2.5-coder-1.5b": _qwen(
        "Qwen2.5-Coder-1.5B-Instruct", "qwen2.5-coder-1.5b-instruct-q4_k_m", 1.1, 1.4, "code, any laptop"
    ),
    "qwen2.5-coder-3b": _qwen(
        "Qwen2.5-Coder-3B-Instruct", "qwen2.5-coder-3b-instruct-q4_k_m", 2.1, 2.4, "code; licence for research only"
    ),
    "qwen2.5-coder-7b": _qwen(
        "Qwen2.5-Coder-7B-Instruct", "qwen2.5-coder-7b-instruct-q4_k_m", 4.7, 5.1, "code, a GPU or patience"
    ),
    "qwen3-1.7b": _qwen("Qwen3-1.7B", "Qwen3-1.7B-Q8_0", 1.8, 2.4, "prose, any laptop"),
    "qwen3-4b": _qwen("Qwen3-4B", "Qwen3-4B-Q4_K_M", 2.5, 3.2, "prose and code"),
}
