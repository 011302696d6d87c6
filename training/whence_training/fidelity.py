"""How far what llama.cpp computes from a GGUF file is from what transformers computes from the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Nearer than this two logits are one: which is the larger depends on the order of a sum.
_TIE = 1e-4


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Over all places: share at which both name the same token, and mean Kullback-Leibler divergence in nats."""

    agreement: float
    divergence: float
    places: int


def fidelity(folder: Path, file: Path, texts: Sequence[Sequence[int]]) -> Fidelity:
    """`file` against the model in `folder`, over tokens of real texts. Needs torch, transformers and llama.cpp."""
    import torch
    from transformers import AutoModelForCausalLM

    return fidelity_of(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), file, texts)


def fidelity_of(model: Any, file: Path, texts: Sequence[Sequence[int]], adapter: Path | None = None) -> Fidelity:
    """The same of a model of torch that is loaded; `adapter` is the LoRA in GGUF that `file` is run with."""
    from whence_server.generation.engine import Engine, Settings

    theirs = _torch_logits(model.eval(), texts)
    agreed, divergence, places = 0, 0.0, 0
    with closing(Engine(file, 0)) as engine:
        engine.configure(Settings(max(map(len, texts)) + 1, 1, "f32"))
        engine.use_adapter(str(adapter) if adapter else None)
        for tokens, expected in zip(texts, theirs, strict=True):
            engine.forget()
            for token, logits in zip(tokens, expected, strict=True):
                engine.extend([token])
                found = np.array(engine.logits(), np.float64)
                agreed += bool(logits.max() - logits[found.argmax()] < _TIE)
                divergence += _divergence(logits, found)
                places += 1
    return Fidelity(agreed / places, divergence / places, places)


def _torch_logits(model: Any, texts: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
    import torch

    with torch.no_grad():
        return [model(torch.tensor([list(tokens)])).logits[0].double().numpy() for tokens in texts]


def _divergence(expected: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    p, q = _log_softmax(expected), _log_softmax(found)
    return float((np.exp(p) * (p - q)).sum())


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max()
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return result
