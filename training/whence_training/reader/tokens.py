"""The reader's tokenizer, and a record as the numbers it is trained on: just what the worker would feed.

Byte-level BPE split as Qwen2 does, as `gguf_export` writes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from whence_server.generation.prompt import UNKNOWN, system_text, user_text
from whence_server.generation.quoting import Sentence
from whence_server.passages import bare_line
from whence_training.gguf_export import SPLIT
from whence_training.reader.records import Record

END, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Before the system text, between it and the user's, after: what llama.cpp makes of the template.
FRAME = (f"{IM_START}system\n", f"{IM_END}\n{IM_START}user\n", f"{IM_END}\n{IM_START}assistant\n")
FRAME_WORDS = "system\n\nuser\n\nassistant\n\n"  # for the tokenizer to learn
TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Example:
    """A record in tokens, without the prefix that all share.

    `prompt` ends where the answer begins, which ends with the end of a message. `allowed` are, for each place of the
    answer at which the grammar leaves a choice, the tokens it leaves. `ends` are, for each sentence on offer, the place
    in the prompt of its last token, and whether it is the answer's.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    allowed: tuple[tuple[int, tuple[int, ...]], ...]
    ends: tuple[tuple[int, bool], ...]

    @property
    def length(self) -> int:
        """Tokens that are computed."""
        return len(self.prompt) + len(self.answer)


def train_reader_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of `size` tokens at most."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [END, IM_START, IM_END]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, min_frequency=3, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class Codec:
    """Records to examples, by one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        # Text of repositories never holds a control token: only what is encoded here as such does.
        self._control = re.compile("(" + "|".join(map(re.escape, (END, IM_START, IM_END))) + ")")
        self.end = tokenizer.get_vocab()[IM_END]
        self.prefix = (*self.framed(FRAME[0]), *self.plain(system_text("quote")).ids, *self.framed(FRAME[1]))
        self._after = self.framed(FRAME[2])

    def plain(self, text: str) -> Encoding:
        """Tokens of a text in which nothing is control."""
        if self._control.search(text):
            text = text.replace("<|", "< |")
        return self.tokenizer.encode(text, add_special_tokens=False)

    def framed(self, text: str) -> list[int]:
        """Tokens of a part of the template."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def example(self, record: Record) -> Example:
        """The numbers of a record."""
        user = user_text(record.question, record.passages)
        encoded = self.plain(user)
        choices = record.choices
        said = {choice.line: (*self.plain(choice.line).ids, self.end) for choice in choices}
        said[UNKNOWN] = (*self.plain(UNKNOWN).ids, self.end)
        answer = said[record.answer]
        token_at = [0] * len(user)
        for place, (start, end) in enumerate(encoded.offsets):
            token_at[start:end] = [place] * (end - start)
        ends = [
            (token_at[end - 1], choice.line == record.answer) for choice, end in sentence_ends(user, record, choices)
        ]
        return Example((*encoded.ids, *self._after), answer, tuple(branches(answer, list(said.values()))), tuple(ends))


def branches(answer: Sequence[int], said: Sequence[Sequence[int]]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(place in the answer, tokens allowed there) for each place at which there is more than one."""
    alive = list(said)
    for place, token in enumerate(answer):
        allowed = tuple(sorted({sequence[place] for sequence in alive}))
        if len(allowed) > 1:
            yield place, allowed
        alive = [sequence for sequence in alive if sequence[place] == token]


def sentence_ends(user: str, record: Record, choices: Sequence[Sentence]) -> Iterator[tuple[Sentence, int]]:
    """Each sentence that is found in the prompt and where it ends there; line breaks and marks of comments aside."""
    at = 0
    for number, passage in enumerate(record.passages, 1):
        squeezed, places = [], []
        for line in passage.quote.splitlines():
            at = user.index(f"| {line}", at) + 2
            bare = bare_line(line)
            start = at + (line.find(bare) if bare else 0)
            for offset, character in enumerate(bare):
                if not character.isspace():
                    squeezed.append(character)
                    places.append(start + offset)
            at += len(line)
        text = "".join(squeezed)
        for choice in choices:
            if choice.passage == number:
                wanted = _BLANK.sub("", choice.text.strip("`"))
                found = text.find(wanted)
                if found >= 0:
                    yield choice, places[found + len(wanted) - 1] + 1
