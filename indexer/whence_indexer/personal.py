"""Personal data that is recognised with near certainty: by a checksum, a format of its own, or what it is called.

Pure: text in, findings out. E-mail addresses, international phone numbers, payment cards, IBANs, national ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from whence_indexer.findings import Finding

# RFC 2606 and 6761 reserve these for examples: what is written there reaches nobody.
_RESERVED = re.compile(
    r"(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost|local|internal|lan|localdomain)$",
    re.IGNORECASE,
)
_DOMAIN = re.compile(r"@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,18})(?![\w-]|:[\w/~]|\.[A-Za-z0-9]|@)")
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[\w.+'-]{0,62}[\w+-])?$", re.ASCII)
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_USERINFO = re.compile(r"://[^\s/?#]*$")
_NOBODY = re.compile(r"(?:git|hg|svn|noreply|no-reply|donotreply|do-not-reply)", re.IGNORECASE)
# The generic domains that people have addresses at; besides, two letters stand for a country.
_GENERIC = frozenset(
    "com org net edu gov mil int info biz name pro dev app cloud tech online site xyz email mail page blog software systems "
    "science network company solutions design agency digital group team world live works zone space store shop art academy "
    "engineering consulting technology university foundation berlin london paris hamburg amsterdam tokyo nyc swiss".split()
)

_PHONE = re.compile(
    r"\+(?<![\w.+)]\+)(?:[1-9][0-9]{0,2})[ .()/-]{0,3}[0-9](?:[ .()/-]{0,3}[0-9]){6,13}(?![\w%]|[.,-]?\d)"
)
_PHONE_URI = re.compile(r"\btel:(\+[0-9][0-9().-]{6,18}[0-9])")
_CARD = re.compile(
    r"[2-6](?<![\w.+-].)(?<![0-9][ ,].)[0-9]{3}(?:([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}|([ -]?)[0-9]{6}\2[0-9]{5})(?![\w]|[.,-]\d| [0-9])"
)
_CARD_NETWORK = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
)
_IBAN = re.compile(
    r"[A-Z](?<![\w].)[A-Z][0-9]{2}(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?|[A-Z0-9]{11,30})(?![A-Za-z0-9])"
)
_SEPARATORS = re.compile(r"[ .()/-]")


def find_personal(text: str) -> Iterator[Finding]:
    """Every piece of personal data in `text` that is certain enough. Findings may overlap."""
    if "@" in text:
        yield from _addresses(text)
    if "+" in text:
        yield from _phones(text)
    yield from _checked(text, _CARD, "payment-card", _is_card)
    yield from _checked(text, _IBAN, "iban", _is_iban)
    for kind, pattern, context, valid in _IDS:
        if context is None or context.search(text):
            yield from _checked(text, pattern, kind, valid)


def _addresses(text: str) -> Iterator[Finding]:
    for domain in _DOMAIN.finditer(text):
        if _RESERVED.search(domain[1]) or not _is_public(domain[1]):
            continue
        at = domain.start()
        before = text[max(0, at - 64) : at]
        local = _LOCAL.search(before)
        if local is None or _USERINFO.search(text[max(0, at - 200) : at]):
            continue
        start = at - len(local[0])
        if _ESCAPE.search(text[max(0, start - 4) : start]):  # the `n` of `\n` is no part of it
            start += 1
        if start < at and not _NOBODY.fullmatch(text, start, at):
            yield Finding("email", start, domain.end())


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


def _checked(text: str, pattern: re.Pattern[str], kind: str, valid: Callable[[str], bool]) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        group = "value" if "value" in pattern.groupindex else 0
        if valid(match[group]):
            yield Finding(kind, *match.span(group))


def _is_card(number: str) -> bool:
    from stdnum import luhn

    digits = _SEPARATORS.sub("", number)
    return _CARD_NETWORK.fullmatch(digits) is not None and luhn.is_valid(digits)


def _is_iban(number: str) -> bool:
    from stdnum import iban

    return iban.is_valid(number)


def _is_ssn(number: str) -> bool:
    area, group, serial = number[:3], number[-6:-4].strip("- "), number[-4:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _by_stdnum(module: str) -> Callable[[str], bool]:
    """The check of one of python-stdnum's modules, imported when there is something to check."""

    def valid(number: str) -> bool:
        from importlib import import_module

        return bool(import_module(f"stdnum.{module}").is_valid(number))

    return valid


def _named(words: str, shape: str) -> re.Pattern[str]:
    """A number of `shape` that one of `words` on the same line calls by its name, at most 30 characters before."""
    return re.compile(
        rf"(?<![A-Za-z0-9])(?i:{words})(?![A-Za-z0-9])[^\n\d]{{0,30}}(?<![\w.-])(?P<value>{shape})(?![\w-]|\.\d)",
        re.ASCII,
    )


def _context(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


_SSN, _DNI, _BSN = (
    r"ssn|social[ _-]?security(?:[ _-]?(?:number|no\.?|num))?",
    r"dni|nif|nie",
    r"bsn|burgerservicenummer|sofi[ _-]?nummer",
)
_TAX_ID, _PESEL, _NHS, _AADHAAR = (
    r"steuer-?id(?:entifikationsnummer)?|idnr",
    r"pesel",
    r"nhs[ _-]?(?:number|no\.?)",
    r"aadhaar",
)
# (kind, its shape, what the text must hold for that to be looked for, its check)
_IDS: list[tuple[str, re.Pattern[str], re.Pattern[str] | None, Callable[[str], bool]]] = [
    ("us-ssn", _named(rf"\w*?(?:{_SSN})", r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}"), _context(r"ssn|social.?security"), _is_ssn),
    ("spanish-id", re.compile(r"[0-9XYZ](?<![\w.-].)[0-9]{7}-?[ABCGHJKNPQRSTVWXYZ](?![\w-])", re.ASCII), None, _by_stdnum("es.nif")),
    ("spanish-id", _named(_DNI, r"\d{8}-?[A-Z]"), _context(_DNI), _by_stdnum("es.dni")),
    ("dutch-id", _named(_BSN, r"\d{9}|\d{4}\.\d{2}\.\d{3}"), _context(_BSN), _by_stdnum("nl.bsn")),
    ("german-id", _named(_TAX_ID, r"\d{11}|\d{2} \d{3} \d{3} \d{3}"), _context(_TAX_ID), _by_stdnum("de.idnr")),
    ("polish-id", _named(_PESEL, r"\d{11}"), _context(_PESEL), _by_stdnum("pl.pesel")),
    ("british-id", _named(_NHS, r"\d{3} ?\d{3} ?\d{4}"), _context(_NHS), _by_stdnum("gb.nhs")),
    ("indian-id", _named(_AADHAAR, r"\d{4} ?\d{4} ?\d{4}"), _context(_AADHAAR), _by_stdnum("in_.aadhaar")),
    ("italian-id", re.compile(r"[A-Z](?<!\w.)[A-Z]{5}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z](?!\w)", re.ASCII), None, _by_stdnum("it.codicefiscale")),
    ("brazilian-id", re.compile(r"[0-9](?<![\w.-].)[0-9]{2}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])", re.ASCII), None, _by_stdnum("br.cpf")),
    ("french-id", re.compile(r"[12](?<![\w.-].) ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?!\w)", re.ASCII), None, _by_stdnum("fr.nir")),
]  # fmt: skip
