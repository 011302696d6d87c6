"""What a user should know of the reader before it answers: its model card."""

from __future__ import annotations

from collections.abc import Mapping

from whence_server.models.gguffile import Model

_CARD = """---
license: apache-2.0
language: en
library_name: gguf
---
# reader {version}

A small decoder ({architecture}, {parameters:.1f} million parameters, {size:.1f} MB, {bits}) that answers a question by
choosing sentences of the passages it is shown; a grammar leaves it nothing else to say. It is for tests, for trying the
whole path with no download, and as a base for LoRA adapters. docs/benchmarks.md compares it with the composer of
quotations, which answers by default.

**Trained** from a hand-made start by `python -m whence_training.reader`, on questions about public projects under
permissive licences (names, headings and words of a sentence) and on made-up sentences. Weights alone are here, no text
of these projects. It knows little English and nothing of the world, and seldom says that it does not know.

**Measured** on projects it has not learned from, through llama.cpp as it is served:

| | |
|---|---|
{rows}

`sentence`, `passage`: share of questions with an answer whose right sentence, right passage it gives. `rouge`: ROUGE-L
of the sentence. `precision`, `recall`: of saying that it does not know. `agreement`: share of places at which llama.cpp
and transformers name the same token; `divergence`: Kullback-Leibler, in nats; both of files of so many bits, over all
tokens of prompts and answers. Fewer than 16 lose the small numbers that stand beside the large ones of its start.
"""


def card(model: Model, version: str, metrics: Mapping[str, float]) -> str:
    """The card of `model` in Markdown, with what was measured."""
    rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics.items())
    return _CARD.format(
        version=version,
        architecture=model.architecture,
        parameters=model.parameters / 1e6,
        size=model.weight_bytes / 1e6,
        bits=model.quantization,
        rows=rows,
    )
