"""English verbs by their forms: what a message or a doc comment begins with -> a question that asks for it.

Pure. Knows the verbs that commits and documentation begin with, and nothing else of the language.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Form = Literal["base", "third", "past", "gerund"]
_IRREGULAR = {  # base: (past, gerund where its last letter doubles or not as the rule below says)
    "begin": ("began", "beginning"), "bind": ("bound", "binding"), "break": ("broke", "breaking"),
    "bring": ("brought", "bringing"), "build": ("built", "building"), "choose": ("chose", "choosing"),
    "cut": ("cut", "cutting"), "deal": ("dealt", "dealing"), "do": ("did", "doing"), "draw": ("drew", "drawing"),
    "find": ("found", "finding"), "forbid": ("forbade", "forbidding"), "get": ("got", "getting"),
    "give": ("gave", "giving"), "go": ("went", "going"), "hide": ("hid", "hiding"), "hold": ("held", "holding"),
    "keep": ("kept", "keeping"), "leave": ("left", "leaving"), "let": ("let", "letting"), "make": ("made", "making"),
    "put": ("put", "putting"), "read": ("read", "reading"), "rebuild": ("rebuilt", "rebuilding"),
    "rewrite": ("rewrote", "rewriting"), "run": ("ran", "running"), "send": ("sent", "sending"),
    "set": ("set", "setting"), "show": ("showed", "showing"), "shut": ("shut", "shutting"),
    "split": ("split", "splitting"), "stop": ("stopped", "stopping"), "take": ("took", "taking"),
    "tell": ("told", "telling"), "throw": ("threw", "throwing"), "undo": ("undid", "undoing"),
    "write": ("wrote", "writing"), "drop": ("dropped", "dropping"), "strip": ("stripped", "stripping"),
    "skip": ("skipped", "skipping"), "wrap": ("wrapped", "wrapping"), "map": ("mapped", "mapping"),
    "pop": ("popped", "popping"), "plug": ("plugged", "plugging"), "log": ("logged", "logging"),
    "swap": ("swapped", "swapping"), "trim": ("trimmed", "trimming"), "defer": ("deferred", "deferring"),
    "prefer": ("preferred", "preferring"), "refer": ("referred", "referring"), "submit": ("submitted", "submitting"),
    "emit": ("emitted", "emitting"), "permit": ("permitted", "permitting"), "omit": ("omitted", "omitting"),
    "tag": ("tagged", "tagging"), "debug": ("debugged", "debugging"), "reset": ("reset", "resetting"),
    "override": ("overrode", "overriding"), "revert": ("reverted", "reverting"), "chain": ("chained", "chaining"),
    "unwrap": ("unwrapped", "unwrapping"), "pad": ("padded", "padding"), "scan": ("scanned", "scanning"),
    "pin": ("pinned", "pinning"), "ban": ("banned", "banning"), "embed": ("embedded", "embedding"),
}  # fmt: skip
_REGULAR = """
abort accept access activate adapt add adjust advance allocate allow annotate append apply archive assert assign attach
authenticate authorize avoid await backport batch block broadcast buffer bypass cache calculate call cancel capture
cast catch change check clarify clean clear clone close coerce collapse collect combine compare compile compose
compress compute concatenate configure confirm connect consider consolidate construct consume convert copy correct
count create decode decorate decouple decrease define delay delegate delete deliver deny deprecate dequeue
dereference describe deserialize destroy detach detect determine disable discard disconnect dispatch display document
download dump duplicate eliminate enable encapsulate encode encrypt enforce enhance ensure enqueue escape establish
evaluate evict exclude execute exit expand expect expire explain expose extract fail fetch fill
filter finalize finish fire fix flatten flip flush follow force format forward free generate grant group guarantee
guard handle hash honor ignore implement import improve include increase increment indicate infer inherit
initialize inject inline insert inspect install instantiate interpret introduce intercept invalidate invert invoke
isolate issue iterate join launch limit link list listen load locate lock look manage mark mask match merge migrate
mock modify monitor mount move multiply mutate name negotiate normalize notify obtain open optimize order pack parse
pass patch pause perform persist ping poll populate prepare prepend preserve prevent print process produce
prohibit promote propagate protect provide proxy publish pull push query queue quote raise randomize reach rebase
receive recognize reconnect record recover redirect reduce refactor reflect refresh refuse register reject relax
release reload remove rename render reopen reorder reorganize repeat replace report represent request require resolve
respect respond restart restore restrict restructure resume retain retrieve retry return reuse rework rollback
rotate round route sanitize save schedule search select separate serialize serve settle share shorten
shrink shuffle signal silence simplify skim sleep sort specify spawn standardize start stash stay store stream subscribe
substitute supply support suppress suspend switch sync synchronize terminate test toggle track transfer transform
translate traverse treat trigger truncate try turn unify uninstall unlock unmarshal unpack unregister unset
unsubscribe update upgrade upload use utilize validate verify wait walk warn watch work yield marshal loop
declare deploy customize extend integrate package organize secure
"""
_VERBS = [*_IRREGULAR, *_REGULAR.split()]
_FIRST = re.compile(r"(?P<word>[A-Za-z]+)(?P<rest>[ ,].*|)\Z", re.DOTALL)
_VOWEL_Y = re.compile(r"[aeiou]y\Z")


class Phrase(NamedTuple):
    """A verb, in its base form, the form in which it stood, and the words after it."""

    verb: str
    form: Form
    rest: str

    @property
    def base(self) -> str:
        """`add a cache`."""
        return f"{self.verb} {self.rest}".strip()

    @property
    def third(self) -> str:
        """`adds a cache`."""
        return f"{third(self.verb)} {self.rest}".strip()

    @property
    def past(self) -> str:
        """`added a cache`."""
        return f"{past(self.verb)} {self.rest}".strip()


def phrase(text: str) -> Phrase | None:
    """`Adds a cache` -> add, third, `a cache`; None where the first word is no verb that is known."""
    match = _FIRST.match(text.strip())
    if match is None:
        return None
    found = _forms().get(match["word"].lower())
    return Phrase(*found, match["rest"].strip()) if found else None


def third(verb: str) -> str:
    """`add` -> `adds`."""
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    if verb.endswith("y") and not _VOWEL_Y.search(verb):
        return f"{verb[:-1]}ies"
    return f"{verb}s"


def past(verb: str) -> str:
    """`add` -> `added`."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb][0]
    if verb.endswith("e"):
        return f"{verb}d"
    if verb.endswith("y") and not _VOWEL_Y.search(verb):
        return f"{verb[:-1]}ied"
    return f"{verb}ed"


def gerund(verb: str) -> str:
    """`add` -> `adding`."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb][1]
    return f"{verb[:-1]}ing" if verb.endswith("e") and not verb.endswith("ee") else f"{verb}ing"


@lru_cache(maxsize=1)
def _forms() -> dict[str, tuple[str, Form]]:
    found: dict[str, tuple[str, Form]] = {}
    for verb in _VERBS:
        forms: tuple[tuple[str, Form], ...] = (
            (verb, "base"),
            (third(verb), "third"),
            (past(verb), "past"),
            (gerund(verb), "gerund"),
        )
        for word, form in forms:
            found.setdefault(word, (verb, form))
    return found
