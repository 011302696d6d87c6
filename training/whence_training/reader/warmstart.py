"""Where the reader's weights start: not from noise, but from a circuit that already reads, roughly.

Layer by layer: (0) which token begins a sentence; (1, 2) each token remembers how its sentence begins; (3) each token
of the question finds tokens like it in the evidence, by meaning and by spelling, and takes over how their sentences
begin; (4) the answer begins as most of the question's telling words say. Meaning is that of the embedding model that
ships. Later layers, other heads and the rest of the feed-forward layers start as noise too small to disturb. Attention
to a distance is made of biases, which the rotary positions turn alone; content is compared in the dimensions that they
hardly turn. From noise alone, the same was not learned from five million tokens.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whence_indexer.embedder import StaticEmbedder, load_embedder
from whence_training.reader.tokens import IM_END, IM_START

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WIDTH, HEAD, LAYERS = 256, 64, 5  # the least that it fits into
_ID, _MEANING, _BEGIN, _VOTE = slice(0, 55), slice(55, 129), slice(129, 184), slice(184, 239)
(_CONST, _MARK, _STOP, _BREAK, _WORD, _TELLING, _SINK, _AFTER_MARK, _AFTER_STOP, _BREAK_2, _WORD_3, _START,
 _AFTER_START, _BAR, _QUESTION, _SHOWN, _ASKED) = range(239, 256)  # fmt: skip
_STEADY = 4.0  # of the constant: so large that the norm of all tokens is about the same
_SCALE = float(np.sqrt(WIDTH / (_STEADY**2 + 3.5)))  # what the norm multiplies by
_SECOND = 0.6  # what the second token of a sentence counts beside the first
_TELLING_FROM = 0.9
_DOUBT = 0.04  # what a word that is found nowhere says for not knowing, beside what a found one says for its sentence
_COMPARED = np.array([*range(11, 30), *range(43, 62)])  # dimensions of a head that turn slowly
_FLAG = 31  # the slowest
_MARKS = re.compile(r"\s*(?:\||[#*;%]+!?|//[/!]?|/\*+|--+|\"{3}|'{3})\s*\Z|\s*\n\s*\Z|\s{2,}\Z")
_STOPS = re.compile(r"[.!?][\"'`)\]]?\s*\Z")


def warm_start(model: Any, tokenizer: Tokenizer, seed: int, noise: float = 0.004) -> None:
    """Set the weights of a new `Qwen2ForCausalLM` of `WIDTH`, with heads of `HEAD`, in place."""
    import torch

    vectors = _token_vectors(tokenizer, seed)
    turns = np.asarray(_turns(model.config))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, noise, generator=torch.Generator().manual_seed(seed + parameter.numel()))
        model.model.embed_tokens.weight.copy_(torch.from_numpy(vectors))
        layers = [_Layer(layer, turns) for layer in model.model.layers[-LAYERS:]]
        _find_starts(layers[0])
        layers[0].look_back(1, 3, 1, [])
        layers[0].carry(1, 3, _ID, _VOTE, 1.0)  # until votes come, the place for which token was before
        _remember(layers[1], _START, 1.0)
        layers[1].look_back(1, 2, 1, [(_START, _AFTER_START)])
        _remember(layers[2], _AFTER_START, _SECOND)
        layers[2].recent(1, 2, 8.0, range(4, 10))
        borders = _unit(_BAR) + _unit(_QUESTION)
        borders[_ID] = vectors[tokenizer.token_to_id(IM_END), _ID]
        layers[2].prefer(1, 2, borders, 60.0)
        layers[2].carry(1, 2, slice(_BAR, _QUESTION + 1), slice(_SHOWN, _ASKED + 1), 1.1)
        layers[2].erase_if(_ASKED, _VOTE, 0)
        _match(layers[3])
        _speak(layers[4])
        _go_on(layers[4], vectors[tokenizer.token_to_id(IM_START), _ID])
        for layer in layers:
            layer.store()
        last = torch.full((WIDTH,), 0.02)
        last[_ID] = 1.0
        model.model.norm.weight.copy_(last)


class _Layer:
    """The weights of a layer as arrays: `store` puts them into the model."""

    def __init__(self, layer: Any, turns: NDArray[np.float64]) -> None:
        attention, self.turns = layer.self_attn, turns
        self._parts = {
            "q": attention.q_proj, "k": attention.k_proj, "v": attention.v_proj, "o": attention.o_proj,
            "gate": layer.mlp.gate_proj, "up": layer.mlp.up_proj, "down": layer.mlp.down_proj,
        }  # fmt: skip
        self.weight = {name: part.weight.numpy().copy() for name, part in self._parts.items()}
        self.bias = {name: np.zeros(len(self.weight[name]), np.float32) for name in "qkv"}

    def look_back(self, key: int, query: int, distance: int, copied: list[tuple[int, int]]) -> None:
        """Head `query`, of key `key`, sees the token at `distance` and copies numbers of it."""
        pairs = np.arange(8)
        self._bias_pair(key, query, pairs, 11.0, distance)
        for place, (source, target) in enumerate(copied):
            row = HEAD - 8 + 4 * (query % 2) + place
            self.weight["v"][key * HEAD + row, :] = 0
            self.weight["v"][key * HEAD + row, source] = 1 / _SCALE
            self.weight["o"][target, query * HEAD + row] = 1.0

    def recent(self, key: int, query: int, strength: float, pairs: range) -> None:
        """Nearer tokens are preferred, up to some hundred."""
        self._bias_pair(key, query, np.array(pairs), strength, 0)

    def prefer(self, key: int, query: int, direction: NDArray[np.float32], strength: float) -> None:
        """Tokens with `direction` in them get `strength` more, all queries alike."""
        self.bias["q"][query * HEAD + _FLAG] = 8.0
        self.weight["k"][key * HEAD + _FLAG] += direction * strength / _SCALE

    def insist(self, key: int, query: int, flag: int, strength: float, steady: float, by: int, each: float) -> None:
        """Tokens with `flag` get `strength` more, times `steady` and `each` of the query's `by`."""
        self.bias["q"][query * HEAD + _FLAG - 1] = 8.0 * steady
        self.weight["q"][query * HEAD + _FLAG - 1] = _unit(by) * 8.0 * each / _SCALE
        self.weight["k"][key * HEAD + _FLAG - 1] = _unit(flag) * strength / _SCALE

    def compare(self, key: int, query: int, asked: slice, found: slice, strength: float) -> None:
        """Tokens get up to `strength` more the more their `found` is like the query's `asked`."""
        factor = np.sqrt(8 * strength) / _SCALE
        for name, head, part in (("q", query, asked), ("k", key, found)):
            for row, source in zip(_COMPARED, range(part.start, part.stop), strict=False):
                self.weight[name][head * HEAD + row, source] = factor

    def carry(self, key: int, query: int, source: slice, target: slice, strength: float) -> None:
        """What the head sees in `source` is added to `target`."""
        for place in range(source.stop - source.start):
            self.weight["v"][key * HEAD + place, :] = 0
            self.weight["v"][key * HEAD + place, source.start + place] = 1 / _SCALE
            self.weight["o"][target.start + place, query * HEAD + place] = strength

    def add_if(self, neuron: int, terms: dict[int, float], above: float, target: int, added: float) -> None:
        """`added` to `target` where the sum of the terms is 0.5 more than `above`, in proportion; else nothing."""
        sharpness = 20.0
        self.weight["gate"][neuron], self.weight["up"][neuron] = 0, 0
        for source, factor in terms.items():
            self.weight["gate"][neuron, source] = sharpness * factor / _SCALE
        self.weight["gate"][neuron, _CONST] = -sharpness * above / _STEADY / _SCALE
        self.weight["up"][neuron, _CONST] = 1 / _STEADY / _SCALE
        self.weight["down"][target, neuron] = added / (0.5 * sharpness)

    def erase_if(self, flag: int, part: slice, neuron: int) -> None:
        """Where there is `flag`, `part` is emptied; takes a neuron for each of its numbers."""
        for number, place in enumerate(range(part.start, part.stop), neuron):
            self.add_if(number, {flag: 1}, 0.5, place, -1.0)
            self.weight["up"][number] = _unit(place) / _SCALE

    def store(self) -> None:
        import torch

        for name, part in self._parts.items():
            part.weight.copy_(torch.from_numpy(self.weight[name]))
            if name in self.bias:
                part.bias.copy_(torch.from_numpy(self.bias[name]))

    def _bias_pair(self, key: int, query: int, pairs: NDArray[np.int64], strength: float, distance: int) -> None:
        angle = self.turns[pairs] * distance
        for name, head in (("q", query), ("k", key)):
            self.weight[name][head * HEAD + pairs] = 0
            self.weight[name][head * HEAD + pairs + HEAD // 2] = 0
        self.bias["k"][key * HEAD + pairs] = strength
        self.bias["q"][query * HEAD + pairs] = strength * np.cos(angle)
        self.bias["q"][query * HEAD + pairs + HEAD // 2] = -strength * np.sin(angle)


def _find_starts(layer: _Layer) -> None:
    """After a mark or a full stop a sentence begins, but not where a line merely goes on."""
    layer.look_back(0, 0, 1, [(_MARK, _AFTER_MARK), (_STOP, _AFTER_STOP)])
    layer.look_back(0, 1, 2, [(_BREAK, _BREAK_2)])
    layer.look_back(1, 2, 3, [(_WORD, _WORD_3)])
    layer.add_if(0, {_AFTER_MARK: 1, _AFTER_STOP: 1, _MARK: -1}, 0.5, _START, 1.0)
    layer.add_if(1, {_AFTER_MARK: 1, _BREAK_2: 1, _WORD_3: 1, _MARK: -1}, 2.5, _START, -1.0)
    layer.add_if(2, {_SINK: 1, _AFTER_MARK: 1}, 1.5, _SINK, -1.0)  # the very first token alone


def _remember(layer: _Layer, flag: int, strength: float) -> None:
    layer.recent(0, 0, 8.0, range(4, 10))
    layer.prefer(0, 0, _unit(flag), 60.0)
    layer.carry(0, 0, _ID, _BEGIN, strength)


def _match(layer: _Layer) -> None:
    for key, query, part in ((0, 0, _MEANING), (1, 2, _ID)):
        layer.compare(key, query, part, part, 24.0)
        layer.insist(key, query, _SINK, 30.0, steady=1.0, by=_ASKED, each=-1.0)
        layer.prefer(key, query, _unit(_SHOWN), 12.0)
        layer.prefer(key, query, _unit(_SINK), 18.5)
        layer.carry(key, query, _BEGIN, _VOTE, 1.0)


def _speak(layer: _Layer) -> None:
    layer.recent(0, 0, 4.0, range(6, 10))
    layer.prefer(0, 0, _unit(_ASKED), 30.0)
    layer.prefer(0, 0, _unit(_TELLING), 6.0)
    layer.carry(0, 0, _VOTE, _ID, 6.0)


def _go_on(layer: _Layer, sink: NDArray[np.float32]) -> None:
    """After a token comes what came after it in the evidence."""
    layer.compare(1, 2, _ID, _VOTE, 24.0)
    layer.prefer(1, 2, _unit(_SHOWN), 12.0)
    layer.prefer(1, 2, _unit(_SINK), 18.0)
    layer.insist(1, 2, _SINK, 30.0, steady=0.0, by=_MARK, each=1.0)
    layer.carry(1, 2, _ID, _ID, 3.0)
    layer.weight["v"][HEAD : HEAD + len(sink), _SINK] = -sink / _SCALE  # there nothing is said


def _unit(place: int) -> NDArray[np.float32]:
    direction = np.zeros(WIDTH, np.float32)
    direction[place] = 1.0
    return direction


def _turns(config: Any) -> NDArray[np.float64]:
    turns: NDArray[np.float64] = config.rope_parameters["rope_theta"] ** (-np.arange(HEAD // 2) * 2.0 / HEAD)
    return turns


def _token_vectors(tokenizer: Tokenizer, seed: int) -> NDArray[np.float32]:
    texts = [tokenizer.decode([token], skip_special_tokens=False) for token in range(tokenizer.get_vocab_size())]
    chance, size = np.random.default_rng(seed), _ID.stop - _ID.start
    vectors = np.zeros((len(texts), WIDTH), np.float32)
    for share, spelt in ((0.7, [t.strip().lower() for t in texts]), (0.55, [t.strip() for t in texts]), (0.45, texts)):
        numbers = {text: number for number, text in enumerate(dict.fromkeys(spelt))}
        codes = chance.standard_normal((len(numbers), size))
        codes /= np.linalg.norm(codes, axis=1, keepdims=True)
        vectors[:, _ID] += share * codes[[numbers[text] for text in spelt]]
    vectors[:, _MEANING], telling = _meaning(texts, _MEANING.stop - _MEANING.start)
    word = np.array([bool(re.search(r"[^\W_]|[,`)\]]", text)) for text in texts])
    flags: dict[int, Any] = {
        _CONST: _STEADY, _TELLING: telling, _WORD: word,
        _MARK: [bool(_MARKS.match(text)) for text in texts],
        _STOP: [bool(_STOPS.search(text)) for text in texts],
        _BREAK: [text == "\n" for text in texts],
        _QUESTION: [text == "Question" for text in texts],
        _BAR: [text.strip() == "|" for text in texts],
    }  # fmt: skip
    for place, values in flags.items():
        vectors[:, place] = values
    sink, unknown = tokenizer.token_to_id(IM_START), tokenizer.token_to_id("I")
    vectors[sink, _SINK], vectors[sink, _BEGIN] = (
        1.0,
        _DOUBT * vectors[unknown, _ID] - (1 + _SECOND) * vectors[sink, _ID],
    )
    return vectors


def _meaning(texts: list[str], size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of at most unit length, the shorter the less a token tells; and these lengths."""
    embedder = load_embedder()
    assert isinstance(embedder, StaticEmbedder)
    summed = np.stack([
        embedder.weights[ids].mean(0) if ids else np.zeros(embedder.dimension, np.float32)
        for ids in embedder.tokens(texts)
    ])  # fmt: skip
    _, _, components = np.linalg.svd(summed - summed.mean(0), full_matrices=False)
    reduced = summed @ components[:size].T
    length = np.linalg.norm(reduced, axis=1)
    telling = np.clip(length / np.quantile(length, _TELLING_FROM), 0, 1)
    unit = reduced / np.maximum(length, 1e-6)[:, None]
    return (unit * telling[:, None]).astype(np.float32), telling.astype(np.float32)
