"""llama.cpp, by its low-level functions: tokens in, the next token's logits out, and what was computed kept.

Lives in the worker's process alone. The high-level class of llama-cpp-python is not used: it keeps a copy of all
logits, and takes a missing chat template for that of llama-2. Always `close` an engine.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as ll
import numpy as np
from numpy.typing import NDArray

BATCH = 512  # tokens given to llama.cpp at once
# Rows computed at once. On a processor few: it can stop after each step, and a step of 512 rows takes long.
_ROWS, _ROWS_GPU = 128, 512
_ABORTED = 2
_KV = {"f32": 0, "f16": 1, "q8_0": 8}  # ggml_type
_SEQUENCE = 0
_OFF, _AUTO = 0, -1  # llama_flash_attn_type

logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)  # it prints hundreds of lines otherwise


class StoppedError(Exception):
    """Computing was stopped from outside; what is known of before stays."""


class EngineError(Exception):
    """llama.cpp refused."""


class RoomError(EngineError):
    """There is no memory for what was wanted, now."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is run: tokens of context, threads, the type of the KV cache (f32, f16 or q8_0)."""

    context: int
    threads: int
    kv: str = "f16"


def offloads() -> bool:
    """Whether llama.cpp was built for a GPU, and finds one."""
    ll.llama_backend_init()
    return bool(ll.llama_supports_gpu_offload())


class Engine:
    """A loaded model with one sequence of tokens; `known` are those whose keys and values are computed."""

    def __init__(self, path: Path, gpu_layers: int = -1) -> None:
        """Raises `EngineError` when llama.cpp cannot load it. `gpu_layers`: -1 all, 0 none."""
        self._context: Any = None
        self._model: Any = None
        self._batch: Any = (ll.llama_token * BATCH)()
        self.settings = Settings(0, 1)
        self._adapters: dict[str, object] = {}
        self.adapter: str | None = None
        self.known: list[int] = []
        self.gpu = offloads() and gpu_layers != 0
        params = ll.llama_model_default_params()
        params.n_gpu_layers = gpu_layers if self.gpu else 0
        self._model = ll.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise EngineError(f"llama.cpp cannot load {path.name}")
        self.vocab = ll.llama_model_get_vocab(self._model)
        self.vocabulary = ll.llama_vocab_n_tokens(self.vocab)
        self.trained_context = ll.llama_model_n_ctx_train(self._model)
        self._pieces: dict[int, bytes] = {}
        # Two bytes that are a C string: empty, or of one character when computing has to stop.
        self._stop = (ctypes.c_char * 2)()

    def configure(self, settings: Settings) -> None:
        """Make room for a context with these settings; what was known is forgotten. Raises `EngineError`."""
        self._free_context()
        params = ll.llama_context_default_params()
        params.n_ctx, params.n_batch = settings.context, min(BATCH, settings.context)
        params.n_ubatch = min(_ROWS_GPU if self.gpu else _ROWS, params.n_batch)
        # Logits of one token alone: those of all would be context x vocabulary x 4 bytes.
        params.n_seq_max, params.n_outputs_max = 1, 1
        params.n_threads = params.n_threads_batch = settings.threads
        params.type_k = params.type_v = _KV[settings.kv]
        # On a processor flash attention writes a fifth slower, but a cache of eight bits needs it.
        params.flash_attn_type = _AUTO if self.gpu or settings.kv == "q8_0" else _OFF
        params.no_perf = True
        self._context = ll.llama_init_from_model(self._model, params)
        if not self._context:
            raise RoomError(f"no room for a context of {settings.context:,} tokens in {settings.kv}")
        self.settings = settings
        # llama.cpp asks it after each step, from its own threads. A function of Python would have to wait for the
        # interpreter some hundred times a token; the C library's strlen says "go on" (0) or "stop" (1) by itself.
        ask = ctypes.cast(ctypes.CDLL(None).strlen, ll.ggml_abort_callback)
        ll.llama_set_abort_callback(self._context, ask, ctypes.cast(self._stop, ctypes.c_void_p))
        if self.adapter is not None:
            adapter, self.adapter = self.adapter, None
            self.use_adapter(adapter)

    @property
    def context(self) -> int:
        """Tokens that it has room for."""
        return int(ll.llama_n_ctx(self._context))

    def stop(self) -> None:
        """End what is being computed, from another thread: it raises `StoppedError` after the step it is in."""
        self._stop[0] = b"\1"

    def clear_stop(self) -> None:
        """Compute again."""
        self._stop[0] = b"\0"

    def set_threads(self, threads: int) -> None:
        """Compute with so many threads from now on."""
        ll.llama_set_n_threads(self._context, threads, threads)

    def tokenize(self, text: str, special: bool = False) -> list[int]:
        """The tokens of `text`. Only with `special` may they be control tokens: text from outside has none."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (ll.llama_token * room)()
        count = ll.llama_tokenize(self.vocab, data, len(data), tokens, room, False, special)
        if count < 0:
            raise EngineError("a text cannot be turned into tokens")
        return list(tokens[:count])

    def beginning(self) -> list[int]:
        """The token that texts begin with, where the model wants one."""
        bos = ll.llama_vocab_bos(self.vocab)
        return [bos] if ll.llama_vocab_get_add_bos(self.vocab) and bos >= 0 else []

    def ends(self, token: int) -> bool:
        """Whether this token ends an answer."""
        return bool(ll.llama_vocab_is_eog(self.vocab, token))

    def piece(self, token: int) -> bytes:
        """The text of a token, which may be a part of a character; control tokens have none."""
        if token not in self._pieces:
            buffer = ctypes.create_string_buffer(512)
            length = ll.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, False)
            self._pieces[token] = buffer.raw[: max(length, 0)]
        return self._pieces[token]

    def chat_template(self) -> str | None:
        """The template in the file, which may be anything."""
        template = ll.llama_model_chat_template(self._model, None)
        return template.decode("utf-8", "replace") if template else None

    def shared(self, tokens: Sequence[int]) -> int:
        """How many of the first `tokens` are known."""
        most = min(len(self.known), len(tokens))
        return next((at for at in range(most) if self.known[at] != tokens[at]), most)

    def read(self, tokens: Sequence[int], beat: Callable[[], object] = lambda: None) -> int:
        """Know exactly `tokens`, the last one's logits too; returns how many of them were known before.

        `beat` is called after each `BATCH`. Raises `StoppedError`, and `EngineError` where llama.cpp fails.
        """
        reused = min(self.shared(tokens), len(tokens) - 1)  # logits are of what is computed now
        if not self._keep(reused):
            reused = 0
        for start in range(reused, len(tokens), BATCH):
            self.extend(tokens[start : start + BATCH])
            beat()
        return reused

    def extend(self, tokens: Sequence[int]) -> None:
        """Know these too, at most `BATCH`, after what is known."""
        self._batch[: len(tokens)] = tokens
        status = ll.llama_decode(self._context, ll.llama_batch_get_one(self._batch, len(tokens)))
        if status == 0:
            self.known.extend(tokens)
            return
        self._keep(len(self.known))  # a part of them may be there
        if status == _ABORTED:
            raise StoppedError
        raise EngineError(f"llama.cpp could not compute (status {status})")

    def logits(self) -> NDArray[np.float32]:
        """Of the token after what is known; a view that the next `extend` overwrites."""
        return np.ctypeslib.as_array(ll.llama_get_logits_ith(self._context, -1), (self.vocabulary,))

    def forget(self) -> None:
        """Know nothing."""
        ll.llama_memory_clear(ll.llama_get_memory(self._context), False)
        self.known = []

    def use_adapter(self, path: str | None) -> None:
        """Run with this LoRA over the model, or with none; loaded once, switched at once. Raises `EngineError`.

        What is known was computed with the other weights, and is forgotten.
        """
        if path == self.adapter:
            return
        if path is not None and path not in self._adapters:
            loaded = ll.llama_adapter_lora_init(self._model, path.encode())
            if not loaded:
                raise EngineError(f"the adapter {Path(path).name} does not fit the model")
            self._adapters[path] = loaded
        chosen = [self._adapters[path]] if path is not None else []
        adapters = (ll.llama_adapter_lora_p_ctypes * 1)(*chosen)
        if ll.llama_set_adapters_lora(self._context, adapters, len(chosen), (ctypes.c_float * 1)(1.0)):
            raise EngineError("the adapter cannot be used")
        self.adapter = path
        self.forget()

    def save(self, path: Path) -> None:
        """Write what is known to a file. Raises `EngineError`."""
        tokens = (ll.llama_token * len(self.known))(*self.known)
        if not ll.llama_state_seq_save_file(self._context, str(path).encode(), _SEQUENCE, tokens, len(self.known)):
            raise EngineError(f"cannot write {path}")

    def restore(self, path: Path, tokens: Sequence[int]) -> bool:
        """Know `tokens` from a file that `save` wrote with the same model and settings; whether it held them."""
        self.forget()
        found, count = (ll.llama_token * len(tokens))(), ctypes.c_size_t(0)
        read = ll.llama_state_seq_load_file(
            self._context, str(path).encode(), _SEQUENCE, found, len(tokens), ctypes.byref(count)
        )
        if not read or list(found[: count.value]) != list(tokens):
            self.forget()
            return False
        self.known = list(tokens)
        return True

    def close(self) -> None:
        """Give back all memory. Harmless when repeated."""
        self._free_context()
        for adapter in self._adapters.values():
            ll.llama_adapter_lora_free(adapter)
        self._adapters = {}
        if self._model:
            ll.llama_model_free(self._model)
            self._model = None

    def _free_context(self) -> None:
        if self._context:
            ll.llama_free(self._context)
            self._context = None
        self.known = []

    def _keep(self, count: int) -> bool:
        """Forget all but the first `count`; where a model cannot forget a part, all. Whether the first are known."""
        if ll.llama_memory_seq_rm(ll.llama_get_memory(self._context), _SEQUENCE, count, -1):
            del self.known[count:]
            return True
        self.forget()
        return count == 0
