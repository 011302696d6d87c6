"""Secrets that are recognised by the name they are given to: `password = "…"`, `API_KEY: …`, `<token>…</token>`.

Pure: text in, findings out. The value must look random, as the same rule of detect-secrets and gitleaks has it: most of
what is given to such a name in a repository is a reference, a placeholder or a word.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from whence_indexer.credentials import is_secret
from whence_indexer.findings import Finding

_MAX_VALUE = 200
# What is assigned, with a digit in it; what it is assigned to stands before. Starting from the value is several times
# faster: names such as `key` are everywhere, values such as these are not.
_VALUE = re.compile(
    r"(?P<sign>[=:>(])[>=]?[ \t]*(?:[brfuBRFU]{0,2}\\?(?P<quote>[\"'`]))?"
    r"(?P<value>(?=[^\s\"'`\\]{0,199}?\d)[^\s\"'`\\]{8,200})(?P<close>\\?[\"'`])?"
)
_NAME = re.compile(
    r"(?P<name>[\w.-]*(?P<word>pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?"
    r"|(?:api|app|access|auth|private|secret|encryption|signing|signature|account|master|service|client|storage|license)[_-]?key)"
    r"(?:[_-]?(?:key(?:[_-]base)?|value|string|hash|id|\d))?)"
    r"\\?[\"'`]?\]?\s*(?::\s*[\w.\[\]| ]{1,30})?(?:,\s*)?$",
    re.IGNORECASE | re.ASCII,
)
_BEFORE = 60  # characters before the sign in which the name stands
_VENDORS = re.compile(
    r"aws|azure|algolia|asana|auth0|circleci|cloudflare|cloudinary|coinbase|datadog|discord|dropbox|facebook|fastly|firebase|heroku"
    r"|intercom|mapbox|okta|pagerduty|paypal|plaid|rollbar|segment|snyk|sonar|spotify|trello|twilio|twitter|zendesk",
    re.IGNORECASE,
)  # fmt: skip
# No generator of secrets makes these, and people who write examples do.
_WORDS = re.compile(
    r"pass|secret|token|example|sample|test|dummy|fake|change|your|insert|replace|default|valid|wrong|redacted|foo|bar|admin"
    r"|user|hello|world|qwert|12345|abcde|abc123|xxx|\*\*\*|\.\.\.|key|func|self|this|null|none|true|false|http|www|auth"
    r"|login|crypt|sha\d|md5|hmac|utf|secure|label|demo|value|string|field|param|config|number|base64|localhost|version",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[()\[\]{}<>;,|]|::|->|[$%#@&]\w*\{|^[$%&@:~/]|^[a-z_]+(?:[._-][a-z_]+)*\d{0,3}$|^[A-Z_]+\d{0,3}$|^[\d.:_-]+$|^0x[0-9a-fA-F]+$"
)
_PASSWORD = re.compile(r"pass|pwd", re.IGNORECASE)
_BITS_OF_PASSWORD, _BITS_OF_KEY = 2.75, 3.2  # Shannon's, a character: above those of words of the same length
_LENGTH_OF_PASSWORD, _LENGTH_OF_KEY = 8, 16


def find_assignments(text: str) -> Iterator[Finding]:
    """Every value in `text` that is given to a name of a secret and looks like one."""
    for match in _VALUE.finditer(text):
        start = match.start("sign")
        before = text[max(text.rfind("\n", 0, start) + 1, start - _BEFORE) : start]
        name = _NAME.search(before)
        if name is None:
            continue
        first, last = match.span("value")
        value = match["value"]
        if not match["quote"]:
            value = value.rstrip(",;.)}]").partition(";")[0].partition("</")[0].partition("&")[0]
            last = first + len(value)
        if _is_random(value, name["name"]) and (match["quote"] or _is_bare(text, last, match["sign"])):
            yield Finding(_kind(name["name"], name["word"]), first, last)


def _is_bare(text: str, end: int, sign: str) -> bool:
    """Whether an unquoted value ends as those of configuration files, connection strings and XML do."""
    if sign == "(":
        return False
    return sign != ">" or text.startswith("</", end)


def _is_random(value: str, name: str) -> bool:
    password = _PASSWORD.search(name) is not None
    if len(value) < (_LENGTH_OF_PASSWORD if password else _LENGTH_OF_KEY) or len(value) > _MAX_VALUE:
        return False
    if not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return False
    if not is_secret(value) or _WORDS.search(value) or _CODE.search(value):
        return False
    return _bits(value) >= (_BITS_OF_PASSWORD if password else _BITS_OF_KEY)


def _bits(value: str) -> float:
    """Shannon's entropy of the characters of `value`, in bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _kind(name: str, word: str) -> str:
    vendor = _VENDORS.search(name)
    if vendor:
        return f"{vendor[0].lower()}-secret"
    if _PASSWORD.search(word):
        return "password"
    return "api-key" if "key" in word.lower() else "token" if "token" in word.lower() else "secret"
