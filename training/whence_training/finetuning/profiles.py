"""How training is spread: accelerate's configuration for a processor, one GPU, or several processes, and their launch.

The same files serve `accelerate launch` by hand. Processes of one machine meet at a free port of this host.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Literal

from whence_training.errors import TrainingError

Profile = Literal["cpu", "1gpu", "ddp", "fsdp"]
TOGETHER = ("ddp", "fsdp")
FOLLOWING = "WHENCE_FOLLOWING"  # tells processes to end when their standard input does: who started them is gone
_TYPES = {"cpu": "NO", "1gpu": "NO", "ddp": "MULTI_GPU", "fsdp": "FSDP"}
# As processes.py shards: each block by itself, and weights whole again in a checkpoint.
_FSDP = {
    "fsdp_version": 2,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_reshard_after_forward": True,
    "fsdp_state_dict_type": "FULL_STATE_DICT",
    "fsdp_offload_params": False,
}


def write_profile(profile: Profile, file: Path, processes: int = 1, half: bool = False) -> Path:
    """accelerate's configuration file of a profile; `half` is for bfloat16."""
    from accelerate.commands.config.config_args import ClusterConfig
    from accelerate.utils import ComputeEnvironment

    config = ClusterConfig(
        compute_environment=ComputeEnvironment.LOCAL_MACHINE,
        distributed_type=_TYPES[profile],
        mixed_precision="bf16" if half else "no",
        use_cpu=profile == "cpu",
        debug=False,
        num_processes=processes if profile in TOGETHER else 1,
        main_process_port=0,
        fsdp_config=dict(_FSDP) if profile == "fsdp" else {},
    )
    config.to_yaml_file(str(file))
    return file


def launch(profile: Path, job: Path, note: Callable[[str], None]) -> None:
    """Train the job in the processes of a profile. Raises `TrainingError` with what they said last."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(profile)]
    command += ["--module", "whence_training.finetuning.job", str(job)]
    environment = {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), FOLLOWING: "1"}
    note(f"starting {profile.stem}")
    said: list[str] = []
    failed = ""
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line) if line.startswith(('{"note"', '{"failed"')) else {}
            if "note" in told:
                note(told["note"])
            failed = told.get("failed", failed)
            said = [*said[-40:], line]
    if process.returncode:
        raise TrainingError(failed or "training in several processes failed:\n" + "".join(said))
