"""Secrets that are recognised by their own shape: tokens with a prefix, keys, addresses with a password in them.

Pure: text in, findings out. Each shape is what the issuer documents, or where it documents none, what the rules of
detect-secrets (Apache-2.0) and gitleaks (MIT) agree on. The patterns are our own: dozens have to be looked for at once,
in less time than it takes to cut the text into chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_indexer.findings import Finding, Prepared

# Tokens that begin with two characters of their own and hold at least twenty characters of words in one run.
_PREFIXED = (
    ("adafruit-key", r"aio_[A-Za-z0-9]{28}"),
    ("age-secret-key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    ("alibaba-access-key", r"LTAI[A-Za-z0-9]{20}"),
    ("anthropic-key", r"sk-ant-[\w-]{24,}"),
    ("artifactory-key", r"AKC[a-z][A-Za-z0-9]{60,}"),
    ("atlassian-token", r"ATATT3[\w=-]{60,}"),
    ("atlassian-token", r"ATBB[A-Za-z0-9]{32}"),
    ("aws-access-key", r"AKIA[A-Z0-9]{16}"),
    ("aws-access-key", r"ASIA[A-Z0-9]{16}"),
    ("aws-access-key", r"ABIA[A-Z0-9]{16}"),
    ("aws-access-key", r"ACCA[A-Z0-9]{16}"),
    ("brevo-key", r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    ("clojars-token", r"CLOJARS_[a-z0-9]{60}"),
    ("contentful-token", r"CFPAT-[\w-]{43}"),
    ("databricks-token", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("digitalocean-token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("docker-token", r"dckr_[po]at_[\w-]{20,}"),
    ("easypost-key", r"EZ[AT]K[A-Za-z0-9]{54}"),
    ("facebook-token", r"EAA(?<![/+]EAA)[A-Za-z0-9]{90,}"),
    ("figma-token", r"fig[dou]_[\w-]{40,}"),
    ("fly-token", r"fm\d_[\w+/=,-]{40,}"),
    ("github-token", r"gh[oprsu]_[A-Za-z0-9]{36,}"),
    ("github-token", r"github_pat_\w{36,}"),
    ("gitlab-token", r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[\w.-]{20,}"),
    ("gitlab-token", r"GR1348941[\w-]{20}"),
    ("google-api-key", r"AIza[\w-]{35}"),
    ("google-oauth-secret", r"GOCSPX-[\w-]{24,}"),
    ("grafana-token", r"gls?[ac]_[A-Za-z0-9]{32}\w*"),
    ("groq-key", r"gsk_[A-Za-z0-9]{48,}"),
    ("heroku-key", r"HRKU-[\w-]{30,}"),
    ("hugging-face-token", r"hf_[A-Za-z0-9]{30,}"),
    ("hugging-face-token", r"api_org_[A-Za-z0-9]{30,}"),
    ("jwt", r"eyJ[\w-]{10,}\.eyJ[\w-]{6,}\.[\w-]*"),
    ("jwt", r"eyJ[\w-]{10,}(?:\.[\w-]*){4}"),  # encrypted: five parts
    ("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("mailgun-key", r"key-[0-9a-f]{32}"),
    ("netlify-token", r"nf[pcou]_[A-Za-z0-9]{36}"),
    ("new-relic-key", r"NRAK-[A-Z0-9]{27}"),
    ("new-relic-key", r"NRI[IQ]-[\w-]{32}"),
    ("new-relic-key", r"NRJS-[0-9a-f]{19}"),
    ("notion-token", r"ntn_[A-Za-z0-9]{43,}"),
    ("notion-token", r"secret_[A-Za-z0-9]{43}"),
    ("npm-token", r"npm_[A-Za-z0-9]{36}"),
    ("openai-key", r"sk-(?:proj|svcacct|admin|None)-[\w-]{40,}"),
    ("openai-key", r"sk-(?:or-v1-)?[A-Za-z0-9]{40,}"),
    ("perplexity-key", r"pplx-[A-Za-z0-9]{48,}"),
    ("planetscale-token", r"pscale_(?:tkn|pw|oauth)_[\w.-]{32,}"),
    ("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("prefect-key", r"pn[ub]_[A-Za-z0-9]{36}"),
    ("pulumi-token", r"pul-[0-9a-f]{40}"),
    ("pypi-token", r"pypi-[\w-]{50,}"),
    ("replicate-token", r"r8_[A-Za-z0-9]{37}"),
    ("rubygems-key", r"rubygems_[0-9a-f]{48}"),
    ("sentry-token", r"sntry[su]_[\w+/=-]{40,}"),
    ("shippo-token", r"shippo_(?:live|test)_[0-9a-f]{40}"),
    ("shopify-token", r"shp(?:at|ca|pa|ss|tka)_[0-9A-Fa-f]{32}"),
    ("slack-token", r"xox[a-z]-(?:\d-)?[\w-]{10,}"),
    ("slack-token", r"xapp-\d-[\w-]{20,}"),
    ("square-token", r"sq0(?:atp|csp|idp)-[\w-]{22,}"),
    ("square-token", r"EAAA(?<![/+]EAAA)[\w-]{60}"),
    ("stripe-key", r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}"),
    ("stripe-key", r"whsec_[A-Za-z0-9+/]{32,}"),
    ("supabase-key", r"sbp_[0-9a-f]{40}"),
    ("supabase-key", r"sb_secret_[\w-]{30,}"),
    ("telegram-token", r"AA(?<=\d{8}:AA)[\w-]{32,33}"),
    ("tencent-key", r"AKID[A-Za-z0-9]{32}"),
    ("twilio-key", r"SK[0-9a-f]{32}"),
    ("typeform-token", r"tfp_[\w-]{40,}"),
    ("xai-key", r"xai-[A-Za-z0-9]{70,}"),
)
# Those that are known by what stands before, behind or within such a run.
_STOPPED = re.compile(
    r"(?<![A-Za-z0-9])(?:(?P<google_oauth_token>ya29\.[\w-]{20,})|(?P<sendgrid_key>SG\.[\w-]{16,32}\.[\w-]{16,64})"
    r"|(?P<dropbox_token>sl\.(?:u\.)?[\w-]{120,})|(?P<vault_token>hv[bsr]\.[\w-]{24,})"
    r"|(?P<terraform_cloud_token>[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})"
    r"|(?P<doppler_token>dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,})"
    r"|(?P<dynatrace_token>dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64})"
    r"|(?P<airtable_token>pat[A-Za-z0-9]{14}\.[0-9a-f]{64}))",
    re.ASCII,
)
_STOPS = ("ya29.", "SG.", "sl.", "sl.u.", "hvb.", "hvr.", "hvs.", ".atlasv1.")
_ENDED = re.compile(
    r"(?<![\w-])(?:(?P<mailchimp_key>[0-9a-f]{32}-us\d{1,2})|(?P<new_relic_key>[0-9a-f]{36}NRAL)"
    r"|(?P<azure_devops_token>[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}))(?![\w-])",
    re.ASCII,
)
_DISCORD = re.compile(r"[MNO](?<![\w.-].)[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])", re.ASCII)
_LONGEST_STOPPED = 300
_RUN = b"w" * 20

_PUTTY_BEGIN = "PuTTY-User-Key-File"
# Everything else, by what a text must hold for the pattern to be tried. `value` is what is replaced.
_SHAPES: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _kind, _hint, _pattern in (
    ("google-refresh-token", "1//0", r"(?P<value>1//(?<![\w/]1//)0[\w-]{40,})"),
    ("azure-client-secret", "Q~", r"(?<![\w.~-])(?P<value>[\w.~-]{3}\dQ~[\w.~-]{31,34})(?![\w.~-])"),
    ("azure-storage-key", "Key=", r"AccountKey=(?P<value>[\w+/]{40,}={0,2})"),
    ("azure-shared-access-key", "Key=", r"SharedAccessKey=(?P<value>[\w+/]{40,}={0,2})"),
    ("azure-signature", "sig=", r"sig=(?<![A-Za-z]sig=)(?P<value>[\w%+/-]{40,}(?:=|%3[Dd])?)"),
    ("slack-webhook", "hook", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[\w/+-]{20,})"),
    ("discord-webhook", "hook", r"/api/(?:v\d+/)?webhooks/(?P<value>\d{8,}/[\w-]{20,})"),
    (
        "teams-webhook",
        "hook",
        r"webhook\.office\.com/webhookb2/(?P<value>[\w@-]{36,}/IncomingWebhook/[\w/-]{32,})",
    ),
    ("sentry-dsn", "@", r"://(?P<value>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]+/\d"),
    (
        "authorization-header",
        "uthorization",
        r"uthorization\\?[\"']?\]?\s*[:=,]\s*\\?[\"'`]?(?:[Bb]asic|[Bb]earer|[Tt]oken|SSWS)\s+(?P<value>[\w+/.~-]{16,}={0,2})",
    ),
    ("docker-auth", '"auth', r"\"auth\\?\"\s*:\s*\\?\"(?P<value>[A-Za-z0-9+/]{16,}={0,2})\\?\""),
    ("npm-auth", "_auth", r":_auth(?:Token)?\s*=\s*(?P<value>[\w+/-]{16,}={0,2})"),
    ("netrc-password", "machine ", r"machine\s+\S+\s+login\s+\S+\s+password\s+(?P<value>[^\s\"'`\\]{6,})"),
):
    _SHAPES.setdefault(_hint, []).append((_kind, re.compile(_pattern, re.ASCII)))
_URL = re.compile(r"://(?P<user>[^\s/:@\"'`<>\\«]*):(?P<value>[^\s/@\"'`<>\\«]{4,})@[\w\[]")
# What is written where a password is not the point: names of it, defaults that everybody knows, ports.
_NO_PASSWORD = re.compile(
    r"[a-z]{1,7}|[A-Z_]+|\d{1,5}|[a-z_-]*(?:example|placeholder|changeme|password|passwd|your|secret|key)[a-z_-]*"
)
_MASKED = re.compile(r"([xX*.0])\1{5}|\$\{|\{\{|<[A-Za-z]|%\(|#\{|«")
_VARIABLE = re.compile(
    r"\$.*|%[\w(].*|\{.*|<.*|\[.*|\*+|\.+|[a-zA-Z_-]*(?:pass(?:word|wd|phrase)?|pwd?|pw|secret|token)\d*|[xX]+",
    re.DOTALL,
)

# A private key, in a file, a string or JSON. Between its ends, or after its beginning where the end is not there (a
# hunk is clipped), each run of base64 is replaced: line breaks, quotes and prefixes stay.
_BEGIN = "-----BEGIN "
_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?P<body>(?:(?!-----).){0,20000}?(?=-----END )"
    r"|(?:(?:\\[nrt]|[\s\"'`,;+*#>|.()-]){1,80}[A-Za-z0-9+/=]{32,})+)",
    re.DOTALL,
)
_PUTTY = re.compile(
    r"PuTTY-User-Key-File.{0,2000}?Private-Lines:\s*\d+(?P<body>.{0,20000}?(?:Private-MAC: \w+|\Z))", re.DOTALL
)
_KEY_LINE = re.compile(
    r"\\[nrt\\\"']|«[^»\n]*»|(?:Proc-Type|DEK-Info|Version|Comment): ?[^\n\\\"]*|Private-MAC"
    r"|(?P<run>[A-Za-z0-9+/=]{2,})"
)
_MATERIAL = 16  # characters on a line; a parser of keys holds the two ends alone
_END = "(?![A-Za-z0-9])"


def _by_beginning() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """The patterns of `_PREFIXED` by the first two characters that a token of theirs can have."""
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, shape in _PREFIXED:
        pattern = re.compile(shape + _END, re.ASCII)
        first = re.fullmatch(r"(\[[a-z]+\]|.)(\[[a-z]+\]|.).*", shape)
        assert first
        for one in first[1].strip("[]"):
            for two in first[2].strip("[]"):
                table.setdefault(one + two, []).append((kind, pattern))
    return table


_BEGINNINGS = _by_beginning()
# Those without a length: tried at every joint of a long run they would read it to its end each time. A JWT, too, but
# it goes on behind the run: in one run it is found from its first beginning, or from none.
_GREEDY = {
    pattern
    for shapes in _BEGINNINGS.values()
    for _, pattern in shapes
    if pattern.pattern.endswith((",}" + _END, "*" + _END))
}


def find_credentials(prepared: Prepared) -> Iterator[Finding]:
    """Every secret in a text that its shape gives away. Findings may overlap."""
    text = prepared.text
    yield from _tokens(prepared)
    for hint, shapes in _SHAPES.items():
        if hint in text:
            for kind, pattern in shapes:
                for match in pattern.finditer(text):
                    if is_secret(match["value"]):
                        yield Finding(kind, *match.span("value"))
    if "://" in text and "@" in text:
        yield from _urls(text)
    if _BEGIN in text:
        yield from _key_lines(text, _KEY, "private-key")
    if _PUTTY_BEGIN in text:
        yield from _key_lines(text, _PUTTY, "putty-private-key")


def is_secret(value: str) -> bool:
    """Whether `value` may be one: neither a mask such as `xxxxxx` nor a reference to a variable."""
    return not _MASKED.search(value) and not _VARIABLE.fullmatch(value)


def _runs(words: bytes) -> Iterator[tuple[int, int]]:
    """Where at least twenty characters that a token may consist of stand together."""
    start = words.find(_RUN)
    while start >= 0:
        end = words.find(b" ", start)
        end = len(words) if end < 0 else end
        yield start, end
        start = words.find(_RUN, end)


def _tokens(prepared: Prepared) -> Iterator[Finding]:
    text, shape = prepared.text, prepared.shape
    settled: dict[re.Pattern[str], int] = {}  # nothing is learnt by trying a pattern again before there
    for start, end in _runs(prepared.words):
        named = shape.find(b"0", start, end) < 0  # what has no digit is a name; a token without one stands alone
        for at in (start,) if named else _beginnings(shape, start, end):
            for kind, pattern in _BEGINNINGS.get(text[at : at + 2], ()):
                if at < settled.get(pattern, 0):
                    continue
                match = pattern.match(text, at)
                if kind == "jwt" and text.startswith("eyJ", at):
                    settled[pattern] = min(_settled(match), end) if match else end
                elif match and pattern in _GREEDY:
                    settled[pattern] = _settled(match)
                if match and is_secret(match[0]):
                    yield Finding(kind, *match.span())
        if text[start - 1 : start] == "." and _is_stopped(text, start):
            yield from _named_by_group(_STOPPED.search(text, max(0, start - 48), end + _LONGEST_STOPPED))
        if named:
            continue
        if text[end : end + 1] == "." and text[start] in "MNO" and (match := _DISCORD.match(text, start)):
            yield Finding("discord-token", *match.span())
        tail = text[max(start, end - 8) : end]
        if "NRAL" in tail or "-us" in tail or "AZDO" in tail:
            yield from _named_by_group(_ENDED.search(text, start, end))


def _settled(match: re.Match[str]) -> int:
    """Before where a pattern that reads on to the end of all that fits would only find the end of `match` again.

    What is no secret because of a mask may be one from behind the mask.
    """
    masks = [mask.start() for mask in _MASKED.finditer(match[0])]
    return match.start() + masks[-1] + 1 if masks else match.end()


def _is_stopped(text: str, start: int) -> bool:
    """Whether what stands before the run, with a full stop, is one of the beginnings of `_STOPPED`."""
    if text.endswith(_STOPS, 0, start) or text.startswith("pat", max(0, start - 18)):
        return True
    before = text[max(0, start - 42) : start]
    return "dp." in before or "dt0" in before


def _beginnings(shape: bytes, start: int, end: int) -> list[int]:
    """Where a token may begin in a run: there, and after each joint."""
    found, at = [], start
    for segment in shape[start:end].replace(b"-", b"_").split(b"_"):
        found.append(at)
        at += len(segment) + 1
    return found


def _named_by_group(match: re.Match[str] | None) -> Iterator[Finding]:
    if match and match.lastgroup and is_secret(match[0]):
        yield Finding(match.lastgroup.replace("_", "-"), *match.span())


def _urls(text: str) -> Iterator[Finding]:
    for match in _URL.finditer(text):
        value = match["value"]
        if value != match["user"] and is_secret(value) and not _NO_PASSWORD.fullmatch(value):
            yield Finding("password-in-url", *match.span("value"))


def _key_lines(text: str, whole: re.Pattern[str], kind: str) -> Iterator[Finding]:
    for key in whole.finditer(text):
        runs = [line for line in _KEY_LINE.finditer(text, *key.span("body")) if line["run"]]
        if any(len(run["run"]) >= _MATERIAL for run in runs):
            for number, run in enumerate(runs):
                yield Finding(kind, *run.span("run"), goes_on=number > 0)
