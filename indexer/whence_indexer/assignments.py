"""Secrets that are recognised by the name they are given to: `password = "…"`, `API_KEY: …`, `<token>…</token>`.

Pure: text in, findings out. The value must look random, as the rules of detect-secrets and gitleaks have it: most of
what is given to such a name in a repository is a reference, a placeholder or a word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from whence_indexer.credentials import is_secret
from whence_indexer.findings import Finding, Prepared

_WORDS = (b"pass", b"pwd", b"secret", b"token", b"cred", b"key")
# `key` alone is the key of a dictionary far more often than one that opens something.
_KEYS = tuple(
    f"{owner}{joint}".encode()
    for owner in "api app access auth private secret encryption signing signature account master service client "
    "storage license consumer".split()
    for joint in ("", "_", "-")
)
# From the word on. What stands before it is read only where this fits.
_GIVEN = re.compile(
    r"(?P<word>pass(?:word|wd|phrase|code)?|pwd|secret|token|cred(?:ential)?s?|key)"
    r"(?:[_-]?(?:key(?:[_-]?base)?|access[_-]?key|token|secret|value|string|\d{1,2}))?(?![\w-])\\?[\"'`]?\]?"
    r"(?:\s{0,3}:\s{0,3}[A-Za-z][\w.\[\]| ]{0,30}(?==))?[ \t]{0,16}(?P<sign>:=|=>|==|[=:>(,])[ \t]*"
    r"(?:[brfu]{0,2}\\?(?P<quote>[\"'`]))?(?P<value>[^\s\"'`\\]{8,201})",
    re.IGNORECASE | re.ASCII,
)
_NAME = re.compile(r"[\w.-]*\Z", re.ASCII)
_LONGEST_NAME = 40
_VENDORS = re.compile(
    r"aws|azure|algolia|asana|auth0|circleci|cloudflare|cloudinary|coinbase|datadog|discord|dropbox|facebook|fastly"
    r"|firebase|heroku|intercom|mapbox|okta|pagerduty|paypal|plaid|rollbar|snyk|spotify|trello|twilio|twitter|zendesk",
    re.IGNORECASE,
)
# Words that people make examples of. What is left without them must still look like a secret.
_MADE_UP = re.compile(
    r"password|passwd|pass|secret|token|example|sample|test|dummy|fake|change|your|insert|replace|default|valid|wrong|redacted|foo|bar"
    r"|admin|user|hello|world|qwert|12345|abcde|abc123|xxx|\*\*\*|\.\.\.|key|func|self|this|null|none|true|false|http|www"
    r"|auth|login|crypt|sha\d|md5|hmac|utf|secure|label|demo|value|string|field|param|config|number|base64|localhost"
    r"|version|random|unique|super",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[()\[\]{}<>;,|]|::|->|[$%#@&]\w*\{|^[$%&@:~/.]|^[a-z_]+(?:[._-][a-z_]+)*\d{0,3}$|^[A-Z_]+\d{0,3}$|^[\d.:_-]+$"
    r"|^0x[0-9a-fA-F]+$|^(?:[a-z]+[/.]){2,}\w+$|^[a-z]+(?:[A-Z][a-z]+)+\d{0,2}$|^[\w]+(?:\.[A-Za-z_]\w*)+$|^\d+(?:px|em|rem|ms|s|%)$"
)
_JOINTS = re.compile(r"[/?&=#]")
_PASSWORD = re.compile(r"pass|pwd", re.IGNORECASE)
_BITS_OF_PASSWORD, _BITS_OF_KEY = 2.75, 3.0  # Shannon's, a character: above those of words of the same length
_LENGTH_OF_PASSWORD, _LENGTH_OF_KEY, _LONGEST = 8, 16, 200
_LEFT_OF_PASSWORD, _LEFT_OF_KEY = 6, 12


def find_assignments(prepared: Prepared) -> Iterator[Finding]:
    """Every value in a text that is given to a name of a secret and looks like one. Findings may overlap."""
    lower = prepared.lower
    for word in _WORDS:
        at = lower.find(word)
        while at >= 0:
            if (word != b"key" or lower.endswith(_KEYS, max(0, at - 12), at)) and _digit_follows(prepared, at):
                yield from _given(prepared.text, at)
            at = lower.find(word, at + 1)


def _digit_follows(prepared: Prepared, at: int) -> bool:
    """Whether the rest of the line has one: what has none is no secret, and most lines have none."""
    end = prepared.lower.find(b"\n", at)
    return prepared.shape.find(b"0", at, len(prepared.shape) if end < 0 else end) >= 0


def _given(text: str, at: int) -> Iterator[Finding]:
    match = _GIVEN.match(text, at)
    if match is None:
        return
    start, end = match.span("value")
    value = match["value"]
    if not match["quote"]:
        value = re.split(r"[;&<]", value, maxsplit=1)[0].rstrip(",.)}]")
        end = start + len(value)
        if match["sign"] in ("(", ",") or (match["sign"] == ">" and not text.startswith("</", end)):
            return
    before = _NAME.search(text, max(0, at - _LONGEST_NAME), at)
    name = (before[0] if before else "") + text[at : match.end("word")]
    if _is_random(value, match["word"]):
        yield Finding(_kind(name, match["word"]), start, end)


def _is_random(value: str, word: str) -> bool:
    if value.startswith(("http://", "https://")):  # a page about tokens, or one whose address is a secret
        return any(_is_random(part, word) for part in _JOINTS.split(value))
    password = _PASSWORD.match(word) is not None
    if not (_LENGTH_OF_PASSWORD if password else _LENGTH_OF_KEY) <= len(value) <= _LONGEST:
        return False
    rest = [character for character in _MADE_UP.sub("", value) if character.isalnum()]
    if len(rest) < (_LEFT_OF_PASSWORD if password else _LEFT_OF_KEY) or not _is_mixed(rest):
        return False
    if not is_secret(value) or _CODE.search(value):
        return False
    return _bits(value) >= (_BITS_OF_PASSWORD if password else _BITS_OF_KEY)


def _is_mixed(characters: list[str]) -> bool:
    return any(map(str.isdigit, characters)) and any(map(str.isalpha, characters))


def _bits(value: str) -> float:
    """Shannon's entropy of the characters of `value`, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _kind(name: str, word: str) -> str:
    vendor = _VENDORS.search(name)
    if vendor:
        return f"{vendor[0].lower()}-secret"
    if _PASSWORD.match(word):
        return "password"
    return {"token": "token", "key": "api-key"}.get(word.lower(), "secret")
