"""Personal data that is recognised with near certainty: by a checksum, a format of its own, or what it is called.

Pure: text in, findings out. E-mail addresses, international phone numbers, payment cards, IBANs, national ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

from whence_indexer.findings import Finding, Prepared

# RFC 2606 and 6761 reserve these for examples and private networks: what is written there reaches nobody. Many a
# country reserves `example` too, and nobody has mail at the others.
_RESERVED = re.compile(
    r"(?:^|\.)(?:example(?:\.[a-z]+){0,2}|test|invalid|localhost|local|internal|lan|localdomain)$",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,18})(?![\w-]|:[\w/~]|\.[A-Za-z0-9]|@)")
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[\w.+'-]{0,62}[\w+-])?\Z", re.ASCII)
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_USERINFO = re.compile(r"://[^\s/?#]*\Z")
# Accounts of programs, the password of `user:pass@host`, and what gettext writes into each new translation.
_NOBODY = re.compile(
    r"(?:git|hg|svn|noreply|no-reply|donotreply|do-not-reply|pass|passwd|password)@.*|LL@li\.org", re.IGNORECASE
)
# Examples that do not care for the reserved domains: nobody has a name like this at a domain like that.
_MADE_UP = re.compile(
    r"(?:[\w'-]*(?:foo|bar|baz|qux|quux|spam|test|user|someone|nobody|name|none|mail)[\w'-]*|[a-z]|me|you|your|my|st)"
    r"@(?:[\w-]+\.)*(?:foo|bar|baz|qux|[a-z]|test|domain|\w*-?domain|mail|email|host|hostname|site|else|company)"
    r"\.[a-z]+",
    re.IGNORECASE,
)
# The generic domains that people have addresses at; besides, two letters stand for a country.
_GENERIC = frozenset(
    "com org net edu gov mil int info biz name pro dev app cloud tech online site xyz email mail page blog software "
    "systems science network company solutions design agency digital group team world live works zone space store shop "
    "art academy engineering consulting technology university foundation berlin london paris hamburg amsterdam tokyo "
    "nyc swiss".split()
)

_PHONE = re.compile(r"\+(?<![\w.+)]\+)[1-9][0-9]{0,2}[ .()/-]{0,3}[0-9](?:[ .()/-]{0,3}[0-9]){6,13}(?![\w%]|[.,-]?\d)")

# At least eight digits, in groups or not, as they stand in `Prepared.shape`; then what they may be.
_DIGITS = re.compile(rb"0(?<![0Aa_]0)(?:[ .-]?0){7,}")
_LEFT = 48  # characters before a number in which its name stands
_CARD = re.compile(
    r"(?<![0-9])(?<![0-9][.-])(?:[2-6][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}"
    r"|3[47][0-9]{2}([ -]?)[0-9]{6}\2[0-9]{5})"
    r"(?![0-9]|[.-][0-9])"
)
_NETWORK = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|4[4-9]\d|5\d\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}"
)
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_SSN = re.compile(r"(?!000|666|9)\d{3}([- ]?)(?!00)\d{2}\1(?!0000)\d{4}")
# (kind, what the number is called, its format, the check of python-stdnum); the name stands before it on the same line.
_NAMED = [
    (kind, re.compile(rf"(?<![A-Za-z])(?:{name})(?![a-z])[^\n0-9]{{0,24}}$", re.IGNORECASE), re.compile(form), check)
    for kind, name, form, check in (
        ("us-ssn", r"\w*ssn|\w*social[ _-]?security(?:[ _-]?(?:number|no\.?|num))?", _SSN.pattern, ""),
        ("dutch-id", r"\w*bsn|burgerservicenummer|sofi[ _-]?nummer", r"\d{9}|\d{4}\.\d{2}\.\d{3}", "nl.bsn"),
        ("german-id", r"steuer-?id\w*|idnr", r"\d{11}|\d{2} \d{3} \d{3} \d{3}", "de.idnr"),
        ("polish-id", r"\w*pesel", r"\d{11}", "pl.pesel"),
        ("british-id", r"nhs(?:[ _-]?(?:number|no\.?))?", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs"),
        ("indian-id", r"aadhaar(?:[ _-]?(?:number|no\.?))?", r"\d{4} ?\d{4} ?\d{4}", "in_.aadhaar"),
        ("brazilian-id", r"\w*cpf", r"\d{11}", "br.cpf"),
        ("french-id", r"nir|insee|s[eé]cu(?:rit[eé] sociale)?", r"[12]\d{14}", "fr.nir"),
        ("spanish-id", r"\w*dni|\w*nif", r"\d{8}", "es.dni"),  # with the letter behind it
    )
]
_CALLED = re.compile(
    r"ssn|social|bsn|burgerservice|sofi|steuer|idnr|pesel|nhs|aadhaar|cpf|nir|insee|s[eé]cu|dni|nif", re.IGNORECASE
)
# (kind, its format, the check): formats that nothing else has. Digits, and what stands around them.
_FORMED = [
    (kind, re.compile(form, re.ASCII), check)
    for kind, form, check in (
        # The other letters end literals in source code: 12345678L is a long.
        ("spanish-id", r"(?<![\w.-])\d{8}(?:[CGHJKNPQRSTVWXYZ]|-[A-Z])(?![\w-])", "es.dni"),
        ("brazilian-id", r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w-])", "br.cpf"),
        ("french-id", r"(?<![\w.-])[12] \d\d \d\d \d\d \d{3} \d{3} \d\d(?!\w)", "fr.nir"),
    )
]
# (kind, a part of its shape and where that begins, its format, the check): letters before digits.
_LETTERED = [
    (kind, part, before, re.compile(form, re.ASCII), check)
    for kind, part, before, form, check in (
        (
            "iban",
            b"AA00",
            0,
            r"(?<!\w)[A-Z]{2}\d\d(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?|[A-Z0-9]{11,30})(?!\w)",
            "iban",
        ),
        ("italian-id", b"AA00A00A000A", 4, r"(?<!\w)[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z](?!\w)", "it.codicefiscale"),
        ("spanish-id", b"A0000000A", 0, r"(?<![\w.-])[XYZ]\d{7}[A-Z](?![\w-])", "es.nie"),
    )
]


def find_personal(prepared: Prepared) -> Iterator[Finding]:
    """Every piece of personal data in a text that is certain enough. Findings may overlap."""
    text, shape = prepared.text, prepared.shape
    if "@" in text:
        yield from _addresses(text)
    if "+" in text:
        yield from _phones(text)
    for group in _DIGITS.finditer(shape):
        yield from _numbers(text, *group.span())
    for kind, part, before, form, check in _LETTERED:
        at = shape.find(part)
        while at >= 0:
            yield from _formed(text, max(0, at - before), kind, form, check)
            at = shape.find(part, at + 1)


def _addresses(text: str) -> Iterator[Finding]:
    for domain in _DOMAIN.finditer(text):
        if _RESERVED.search(domain[1]) or not _is_public(domain[1]):
            continue
        at = domain.start()
        local = _LOCAL.search(text[max(0, at - 64) : at])
        if local is None or _USERINFO.search(text[max(0, at - 200) : at]):
            continue
        start = at - len(local[0])
        if _ESCAPE.search(text[max(0, start - 8) : start]):  # the `n` of `\n` is no part of it
            start += 1
        if start < at and not _is_nobody(text[start : domain.end()]):
            yield Finding("email", start, domain.end())


def _is_nobody(address: str) -> bool:
    return _NOBODY.fullmatch(address) is not None or _MADE_UP.fullmatch(address) is not None


def _is_public(domain: str) -> bool:
    top = domain.rpartition(".")[2].lower()
    return len(top) == 2 or top in _GENERIC


def _phones(text: str) -> Iterator[Finding]:
    for match in _PHONE.finditer(text):
        if _is_phone(match[0]):
            yield Finding("phone", *match.span())


def _is_phone(number: str) -> bool:
    """Whether a country's numbering plan has it."""
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _numbers(text: str, start: int, end: int) -> Iterator[Finding]:
    """What the digits from `start` to `end` are: a card by its checksum, an id by its name and its checksum."""
    number = text[start:end]
    if text[max(0, start - 1) : start] != ".":
        for card in _CARD.finditer(number):
            digits = _NOT_A_DIGIT.sub("", card[0])
            if _NETWORK.fullmatch(digits) and not digits.endswith("000000") and _is_valid("luhn", digits):
                yield Finding("payment-card", start + card.start(), start + card.end())
    for kind, form, check in _FORMED:
        yield from _formed(text, start, kind, form, check)
    before = text[max(text.rfind("\n", 0, start) + 1, start - _LEFT) : start]
    for kind, name, form, check in _NAMED if _CALLED.search(before) else ():
        match = name.search(before) and form.match(text, start, end)
        if match and not text[match.end() : match.end() + 1].isdigit():
            stop = match.end() + (kind == "spanish-id")
            if not check or _is_valid(check, text[start:stop]):
                yield Finding(kind, start, stop)


def _formed(text: str, at: int, kind: str, form: re.Pattern[str], check: str) -> Iterator[Finding]:
    match = form.match(text, at)
    if match and _is_valid(check, match[0]):
        yield Finding(kind, *match.span())


def _is_valid(check: str, number: str) -> bool:
    """The answer of one of python-stdnum's modules, imported when there is something to check."""
    return bool(import_module(f"stdnum.{check}").is_valid(number))
