"""How a model wants to be spoken to: its chat template -> what goes before, between and after our two texts.

Lives in the worker's process. A template is never run: llama.cpp recognises the known ones by their marks, and any
other counts as none. So a hostile one can do nothing, and a missing one is not guessed.
"""

from __future__ import annotations

import llama_cpp.llama_cpp as ll

from whence_server.generation.engine import Engine

PLAIN = ("", "\n\n", "\n\nAnswer:\n")  # for models without a template
_SYSTEM, _USER = "0SYSTEM0", "0USER0"
_NO_THOUGHTS = "<think>\n\n</think>\n\n"


def frame(template: str | None) -> tuple[tuple[str, str, str], bool]:
    """(before the system text, between it and the user's, after), and whether the template was understood."""
    if not template or "\0" in template:
        return PLAIN, False
    applied = _apply(template)
    if applied is None or applied.count(_SYSTEM) != 1 or applied.count(_USER) != 1:
        return PLAIN, False
    before, _, rest = applied.partition(_SYSTEM)
    between, _, after = rest.partition(_USER)
    # A model that thinks aloud unless told not to: the grammar leaves no place for that.
    return (before, between, after + (_NO_THOUGHTS if "enable_thinking" in template else "")), True


def prompt_tokens(engine: Engine, parts: tuple[str, str, str], system: str, user: str) -> tuple[list[int], int]:
    """The tokens of a prompt, and how many of them are the same for each question.

    Only the template's own parts may hold control tokens: in our texts, which quote repositories, none is one.
    """
    before, between, after = parts
    opening = engine.tokenize(before, special=True)
    beginning = engine.beginning()
    if opening[:1] == beginning:
        beginning = []
    static = [*beginning, *opening, *engine.tokenize(system), *engine.tokenize(between, special=True)]
    return [*static, *engine.tokenize(user), *engine.tokenize(after, special=True)], len(static)


def _apply(template: str) -> str | None:
    messages = (ll.llama_chat_message * 2)((b"system", _SYSTEM.encode()), (b"user", _USER.encode()))
    buffer = bytes(4096)
    length = ll.llama_chat_apply_template(template.encode("utf-8", "replace"), messages, 2, True, buffer, len(buffer))
    return buffer[:length].decode("utf-8", "replace") if 0 < length <= len(buffer) else None
