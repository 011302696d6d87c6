"""Made-up passages of random words, with a question about one of their sentences: what reading is, without a subject.

The other sentences share words with the question. Without these a small model learns to find and to repeat a sentence
far later. Pure; the caller brings the chance and the words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from whence_indexer.types import Hit
from whence_server.generation.prompt import UNKNOWN
from whence_server.generation.quoting import offered
from whence_server.passages import Passage
from whence_training.reader.records import ABOUT_NAME, ABOUT_WORDS, Record

_UNANSWERABLE = 0.12
_SHARED = 0.5  # how often another sentence holds words of the question
_SYLLABLES = [consonant + vowel for consonant in "bcdfgklmnprstvz" for vowel in "aeo"]
_MARKS = ("", "", "# ", "// ", "* ", "- ", "  ")


def invented_name(chance: random.Random) -> str:
    """An identifier that no project has, in one of the usual spellings."""
    parts = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 3))) for _ in range(chance.randint(1, 3))]
    style = chance.randrange(4)
    if style == 0:
        return "_".join(parts)
    if style == 1:
        return parts[0] + "".join(part.title() for part in parts[1:])
    return "".join(part.title() for part in parts) if style == 2 else ".".join(parts)


def recall_record(lexicon: Sequence[str], chance: random.Random) -> Record:
    """A record of sentences that are random words of `lexicon`."""
    count = chance.choice((2, 2, 3, 3, 4, 5, 6, 8, 12, 16))
    named = chance.random() < 0.4
    texts = [_sentence(lexicon, chance) for _ in range(count)]
    names = [invented_name(chance) for _ in range(count)]
    target = chance.randrange(count)
    if named:
        texts = [_named(words, name, chance) for words, name in zip(texts, names, strict=True)]
        asked = [names[target]]
        question = chance.choice(ABOUT_NAME).format(names[target])
    else:
        content = [word for word in texts[target] if len(word) > 3] or texts[target]
        places = chance.sample(range(len(content)), min(len(content), chance.randint(2, 4)))
        asked = [content[place] for place in sorted(places)]
        question = chance.choice(ABOUT_WORDS).format(" ".join(asked))
        for number in range(count):
            if number != target and chance.random() < _SHARED:
                for word in chance.sample(asked, chance.randint(1, max(1, len(asked) - 1))):
                    texts[number].insert(chance.randrange(len(texts[number]) + 1), word)
    written = [f"{(text := ' '.join(words))[0].upper()}{text[1:]}." for words in texts]
    unknown = chance.random() < _UNANSWERABLE
    if unknown:
        del written[target], names[target]
    passages = _passages(written, names, chance)
    answer = UNKNOWN if unknown else next((c.line for c in offered(passages) if c.text == written[target]), UNKNOWN)
    return Record("recall", question, passages, answer)


def _sentence(lexicon: Sequence[str], chance: random.Random) -> list[str]:
    return [chance.choice(lexicon) for _ in range(chance.randint(4, 12))]


def _named(words: list[str], name: str, chance: random.Random) -> list[str]:
    shown = name if chance.random() < 0.5 else f"`{name}`"
    place = chance.choice((0, 0, chance.randrange(len(words) + 1)))
    return [*words[:place], shown, *words[place:]]


def _passages(texts: Sequence[str], names: Sequence[str], chance: random.Random) -> tuple[Passage, ...]:
    passages, at = [], 0
    while at < len(texts):
        step = chance.randint(1, 4)
        mark = chance.choice(_MARKS)
        lines = [f"{mark}{part}" for text in texts[at : at + step] for part in (*_wrapped(text, chance), "")][:-1]
        start = chance.randint(1, 400)
        hit = Hit("doc", 1.0, "", f"{names[at].replace('.', '/')}.md", start, start + len(lines) - 1)
        passages.append(Passage(hit, start, "\n".join(lines)))
        at += step
    return tuple(passages)


def _wrapped(text: str, chance: random.Random) -> list[str]:
    """The sentence on one line, or on two."""
    words = text.split()
    if len(words) < 8 or chance.random() < 0.6:
        return [text]
    cut = chance.randint(3, len(words) - 3)
    return [" ".join(words[:cut]), " ".join(words[cut:])]
