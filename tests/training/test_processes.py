"""Two processes on this machine that train one model end with what one process by itself makes."""

import subprocess
import sys
import time
from contextlib import suppress

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import psutil
import torch
import yaml
from safetensors.torch import load_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from whence_training.config import Finetuning
from whence_training.errors import TrainingError
from whence_training.finetuning.base import load_model
from whence_training.finetuning.checkpoints import checkpoints
from whence_training.finetuning.examples import IGNORED, Example
from whence_training.finetuning.job import CHECKPOINTS, write_job
from whence_training.finetuning.profiles import launch, write_profile
from whence_training.finetuning.tuning import fine_tune

pytestmark = pytest.mark.filterwarnings("default")
# Seven examples: the last step has fewer than there are places, and one process idles.
EXAMPLES = [
    Example((n % 5 + 1, 7, 8 + n % 3, n % 5 + 20, n % 5 + 21), (IGNORED, IGNORED, IGNORED, n % 5 + 20, n % 5 + 21))
    for n in range(7)
]
TOLD = Finetuning(
    lora_r=4, lora_dropout=0, epochs=2, learning_rate=0.02, batch_size=1, gradient_accumulation_steps=2
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(1)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=40, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, max_position_embeddings=64,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def alone(base, tmp_path_factory):
    """Weights and losses of one process that takes as many examples a step."""
    told = TOLD.model_copy(update={"gradient_accumulation_steps": 4})
    return fine_tune(load_model(base, told), EXAMPLES, EXAMPLES[:3], told, tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("profile", ["ddp", "fsdp"])
def test_two_processes_end_with_the_weights_of_one(base, alone, tmp_path, profile):
    write_job(tmp_path, base, TOLD, EXAMPLES, EXAMPLES[:3])
    said = []
    launch(write_profile(profile, tmp_path / "profile.yaml", 2), tmp_path, said.append)
    made = checkpoints(tmp_path / CHECKPOINTS)
    assert [each.step for each in made] == [each.step for each in alone] == [2, 4]
    for ours, theirs in zip(made, alone, strict=True):
        assert (ours.loss, ours.validation_loss) == pytest.approx((theirs.loss, theirs.validation_loss), rel=1e-5)
        tensors, expected = (load_file(each.folder / "adapter_model.safetensors") for each in (ours, theirs))
        assert tensors.keys() == expected.keys()
        for name, values in expected.items():
            torch.testing.assert_close(tensors[name], values, rtol=1e-4, atol=1e-6)
    assert any(message.startswith("epoch 2:") for message in said)


def test_who_is_killed_leaves_no_process_that_goes_on_training(base, tmp_path):
    # So long that it has nothing to say, and so does not meet the pipe that nobody reads.
    long = dict.fromkeys(("max_steps", "save_steps", "logging_steps"), 1_000_000)
    write_job(tmp_path, base, TOLD.model_copy(update={"strategy": "steps", **long}), EXAMPLES, [])
    profile = write_profile("ddp", tmp_path / "ddp.yaml", 2)
    script = "import sys; from pathlib import Path; from whence_training.finetuning.profiles import launch\n"
    script += "launch(*map(Path, sys.argv[1:]), lambda message: print(message, flush=True))"
    command = [sys.executable, "-c", script, str(profile), str(tmp_path)]
    with subprocess.Popen(command) as parent:
        while len(_processes_of(tmp_path)) < 4:  # it, accelerate, and two that train
            assert parent.poll() is None
            time.sleep(0.1)
        parent.kill()
    for _ in range(600):
        if not (left := _processes_of(tmp_path)):
            return
        time.sleep(0.1)
    for process in left:
        process.kill()
    pytest.fail(f"{len(left)} processes go on")


def _processes_of(folder):
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found += [process] if str(folder) in process.cmdline() else []
    return found


def test_processes_that_fail_say_why(base, tmp_path):
    write_job(tmp_path, base, TOLD, [Example((1, 2), (IGNORED, IGNORED))], [])
    with pytest.raises(TrainingError, match="its answer was cut away"):
        launch(write_profile("ddp", tmp_path / "ddp.yaml", 2), tmp_path, lambda message: None)


@pytest.mark.parametrize("profile", ["cpu", "1gpu", "ddp", "fsdp"])
def test_a_profile_is_a_configuration_that_accelerate_reads(tmp_path, profile):
    from accelerate.commands.config.config_args import load_config_from_file

    file = write_profile(profile, tmp_path / f"{profile}.yaml", 4, half=True)
    read = load_config_from_file(str(file))
    together = profile in ("ddp", "fsdp")
    assert (read.num_processes, read.mixed_precision, read.use_cpu) == (4 if together else 1, "bf16", profile == "cpu")
    written = yaml.safe_load(file.read_text())
    assert ("fsdp_version" in written.get("fsdp_config", {})) == (profile == "fsdp")
