"""A base that runs, an adapter over it as PEFT saves one, and what an evaluation said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydantic")
pytest.importorskip("gguf")

from safetensors.numpy import save_file
from tests.server.generation.gguf_models import write_model
from tests.training.release.reports import report

from whence_training.evaluation.report import Comparison, Difference, Discordant
from whence_training.release.registering import Judged, Trained

WIDTH = 64


def write_peft(folder: Path, seed: int = 0) -> Path:
    """A folder as PEFT saves it: a LoRA over the queries of both blocks."""
    random, tensors = np.random.default_rng(seed), {}
    for block in range(2):
        key = f"base_model.model.model.layers.{block}.self_attn.q_proj"
        tensors[f"{key}.lora_A.weight"] = random.standard_normal((4, WIDTH)).astype(np.float32)
        tensors[f"{key}.lora_B.weight"] = random.standard_normal((WIDTH, 4)).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", "use_rslora": False}
    (folder / "adapter_config.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def trained(tmp_path):
    base = write_model(tmp_path / "base.gguf", width=WIDTH)
    data = {"version": "ab" * 32, "commit": "c0ffee", "records": 40}
    return Trained(write_peft(tmp_path / "peft"), base, "quote", data, {"lora_r": 4, "seconds": 12.5})


@pytest.fixture
def judged():
    difference = Difference(0.5, 0.8, 0.1, 0.5, 20)
    comparison = Comparison("base", "tuned", 20, {"accuracy": difference}, Discordant(1, 7, 0.07), {})
    return Judged(report(), comparison, (), {"quantization_loss": 0.0})
