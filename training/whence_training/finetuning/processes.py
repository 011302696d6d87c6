"""Several processes that train one model: each computes a part of every step, and all end with the same weights.

Joined by what `accelerate launch` or `torchrun` put into the environment; a process by itself is `ALONE`. Over NCCL
where there is CUDA, else over gloo.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.distributed as dist


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among `world`. `ddp`: each holds the whole model; `fsdp`: each holds a part of every weight."""

    rank: int = 0
    world: int = 1
    kind: Literal["ddp", "fsdp"] | None = None

    def shared(self, model: Any) -> Any:
        """The model as it is trained, on the device of this process."""
        if torch.cuda.is_available():
            model = model.to(torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))))
        if self.kind == "ddp":
            return torch.nn.parallel.DistributedDataParallel(model)
        if self.kind == "fsdp":
            from torch.distributed.fsdp import fully_shard

            for block in model.get_base_model().model.layers:
                fully_shard(block)
            fully_shard(model)
        return model

    @contextmanager
    def apart(self, model: Any) -> Iterator[None]:
        """Within it gradients are summed up here, and not told to the others yet."""
        if self.kind == "ddp":
            with model.no_sync():
                yield
        elif self.kind == "fsdp":
            model.set_requires_gradient_sync(False)
            yield
            model.set_requires_gradient_sync(True)
        else:
            yield

    def summed(self, value: float) -> float:
        """The sum over all processes."""
        if self.world == 1:
            return value
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        held = torch.tensor(value, dtype=torch.float64, device=device)
        dist.all_reduce(held)
        return float(held)

    def gathered(self, model: Any, optimizer: Any) -> tuple[Any, Any]:
        """(weights of the adapter, state of the optimizer), whole; None for weights that the model itself holds."""
        if self.kind != "fsdp":
            return None, optimizer.state_dict()
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        weights, state = get_state_dict(model, optimizer, options=options)
        return weights, state

    def restore(self, model: Any, optimizer: Any, state: Any) -> None:
        """Take up an optimizer's state that was gathered."""
        if self.kind != "fsdp":
            optimizer.load_state_dict(state)
            return
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

        set_optimizer_state_dict(model, optimizer, state, options=StateDictOptions(full_state_dict=True))


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """This process among those that were launched together; `ALONE` where it was launched by itself."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ALONE
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        sharded = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true")
        yield Processes(dist.get_rank(), world, "fsdp" if sharded else "ddp")
    finally:
        dist.destroy_process_group()
