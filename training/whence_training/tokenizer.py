"""Texts -> a tokenizer that splits identifiers: `getHTTPResponse_v2` becomes get, http, response, v, 2.

All of it lives in the tokenizer's own file, so that whoever loads the model splits alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from whence_indexer.tokens import CASE_BORDER, WORD

UNKNOWN = "[UNK]"


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A WordPiece tokenizer of at most `size` tokens, learned from `texts`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(CASE_BORDER), " "),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=[UNKNOWN], min_frequency=3, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
