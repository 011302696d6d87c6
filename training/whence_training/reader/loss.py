"""What the reader is trained on: a batch of examples -> its losses.

The loss is that of its task: where the grammar leaves a choice, the right token against the others it leaves. Beside
it the whole answer counts a little, so that it speaks, and a helper that is thrown away afterwards: the end of each
sentence says in a middle layer whether it answers. Imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from whence_training.reader.tokens import Example


class Learner(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    """The model with its helpers: a batch of examples to losses."""

    def __init__(self, model: Any, prefix: Sequence[int]) -> None:
        """`prefix` are the tokens that all prompts begin with."""
        super().__init__()
        width, layers = model.config.hidden_size, model.config.num_hidden_layers
        self.model, self.middle = model, max(1, layers - 2)
        self.rank = torch.nn.Linear(width, 1)
        self.none = torch.nn.Linear(width, 1)
        self.norm = torch.nn.RMSNorm(width)
        self.register_buffer("prefix", torch.tensor(prefix)[None], persistent=False)

    def forward(self, batch: Sequence[Example]) -> dict[str, torch.Tensor]:
        """Losses by name, and `right`: the share of the batch that is answered as it should be."""
        device = self.prefix.device
        longest = max(example.length for example in batch) - 1
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, example in enumerate(batch):
            ids[row, : example.length - 1] = torch.tensor((*example.prompt, *example.answer)[:-1])
        cache = DynamicCache()  # what all have in front is computed once
        self.model.model(self.prefix, past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(batch))
        found = self.model.model(ids.to(device), past_key_values=cache, use_cache=True, output_hidden_states=True)
        spots = [(row, len(example.prompt) - 1 + place, token)
                 for row, example in enumerate(batch) for place, token in enumerate(example.answer)]  # fmt: skip
        rows, places, tokens = (torch.tensor(values, device=device) for values in zip(*spots, strict=True))
        logits = self.model.lm_head(found.last_hidden_state[rows, places]).float()
        losses = {"answer": cross_entropy(logits, tokens)}
        losses["choice"], losses["right"] = self._choice(batch, logits)
        losses["rank"] = self._ends(batch, self.norm(found.hidden_states[self.middle]))
        return losses

    def _choice(self, batch: Sequence[Example], logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss over what the grammar leaves, and the share of answers that it then gives."""
        mask = torch.full(logits.shape, float("-inf"))
        chosen, targets, of, start = [], [], [], 0
        for number, example in enumerate(batch):
            for place, allowed in example.allowed:
                mask[start + place, list(allowed)] = 0
                chosen.append(start + place)
                targets.append(example.answer[place])
                of.append(number)
            start += len(example.answer)
        device = logits.device
        limited = logits[chosen] + mask[chosen].to(device)
        target = torch.tensor(targets, device=device)
        wrong = set(torch.tensor(of)[(limited.argmax(1) != target).cpu()].tolist())
        loss = cross_entropy(limited, target, reduction="sum") / len(batch)
        return loss, torch.tensor(1 - len(wrong) / len(batch))

    def _ends(self, batch: Sequence[Example], hidden: torch.Tensor) -> torch.Tensor:
        """Loss of telling which sentence answers, or that none does."""
        device, most = hidden.device, max(len(example.ends) for example in batch)
        places = torch.zeros((len(batch), most + 1), dtype=torch.long)
        empty = torch.ones((len(batch), most + 1), dtype=torch.bool)
        target = torch.zeros(len(batch), dtype=torch.long)
        for row, example in enumerate(batch):
            places[row, 0], empty[row, 0] = len(example.prompt) - 1, False
            for column, (place, right) in enumerate(example.ends, 1):
                places[row, column], empty[row, column] = place, False
                if right:
                    target[row] = column
        at = hidden[torch.arange(len(batch))[:, None], places]
        scores = torch.cat([self.none(at[:, :1]), self.rank(at[:, 1:])], 1)[..., 0].float()
        return cross_entropy(scores.masked_fill(empty.to(device), float("-inf")), target.to(device))
