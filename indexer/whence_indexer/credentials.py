"""Secrets that are recognised by their own shape: tokens with a prefix, keys, addresses with a password in them.

Pure: text in, findings out. Each shape is what the issuer documents, or where it documents none, what the rules of
detect-secrets (Apache-2.0) and gitleaks (MIT) agree on. The patterns are our own: one pass has to look for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_indexer.findings import Finding

# Tokens without a full stop, slash or colon: each stands in one run of word characters and hyphens. Only such runs, of
# at least twenty characters, are searched, which is what makes the search fast.
_TOKENS = {
    "adafruit-key": r"aio_[A-Za-z0-9]{28}",
    "age-secret-key": r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "alibaba-access-key": r"LTAI[A-Za-z0-9]{20}",
    "anthropic-key": r"sk-ant-[\w-]{24,}",
    "artifactory-key": r"AKC[a-z][A-Za-z0-9]{60,}",
    "atlassian-token": r"ATATT3[\w-]{60,}|ATBB[A-Za-z0-9]{32}",
    "aws-access-key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    "brevo-key": r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
    "clojars-token": r"CLOJARS_[a-z0-9]{60}",
    "contentful-token": r"CFPAT-[\w-]{43}",
    "databricks-token": r"dapi[0-9a-f]{32}(?:-\d)?",
    "digitalocean-token": r"do[opr]_v1_[0-9a-f]{64}",
    "docker-token": r"dckr_[po]at_[\w-]{20,}",
    "easypost-key": r"EZ[AT]K[A-Za-z0-9]{54}",
    "facebook-token": r"EAA[A-Za-z0-9]{90,}",
    "figma-token": r"fig[dou]_[\w-]{40,}",
    "github-token": r"gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{36,}",
    "gitlab-token": r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[\w-]{20,}|GR1348941[\w-]{20}",
    "google-api-key": r"AIza[\w-]{35}",
    "google-oauth-secret": r"GOCSPX-[\w-]{24,}",
    "grafana-token": r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9]{32,}",
    "groq-key": r"gsk_[A-Za-z0-9]{48,}",
    "heroku-key": r"HRKU-[\w-]{30,}",
    "hugging-face-token": r"hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}",
    "linear-key": r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}",
    "mailchimp-key": r"[0-9a-f]{32}-us\d{1,2}",
    "mailgun-key": r"key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
    "netlify-token": r"nf[pcou]_[A-Za-z0-9]{36}",
    "new-relic-key": r"NRAK-[A-Z0-9]{27}|NRI[IQ]-[\w-]{32}|NRJS-[0-9a-f]{19}|[0-9a-f]{36}NRAL",
    "notion-token": r"ntn_[A-Za-z0-9]{43,}|secret_[A-Za-z0-9]{43}",
    "npm-token": r"npm_[A-Za-z0-9]{36}",
    "openai-key": r"sk-(?:proj|svcacct|admin|None)-[\w-]{40,}|sk-(?:or-v1-)?[A-Za-z0-9]{40,}",
    "perplexity-key": r"pplx-[A-Za-z0-9]{48,}",
    "planetscale-token": r"pscale_(?:tkn|pw|oauth)_[\w-]{32,}",
    "postman-key": r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "prefect-key": r"pn[ub]_[A-Za-z0-9]{36}",
    "pulumi-token": r"pul-[0-9a-f]{40}",
    "pypi-token": r"pypi-[\w-]{50,}",
    "replicate-token": r"r8_[A-Za-z0-9]{37}",
    "rubygems-key": r"rubygems_[0-9a-f]{48}",
    "sentry-token": r"sntry[su]_[\w-]{40,}",
    "shippo-token": r"shippo_(?:live|test)_[0-9a-f]{40}",
    "shopify-token": r"shp(?:at|ca|pa|ss|tka)_[0-9A-Fa-f]{32}",
    "slack-token": r"xox[a-z]-(?:\d-)?[\w-]{10,}|xapp-\d-[\w-]{20,}",
    "square-token": r"sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{60}",
    "stripe-key": r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{32,}",
    "supabase-key": r"sbp_[0-9a-f]{40}|sb_secret_[\w-]{30,}",
    "tencent-key": r"AKID[A-Za-z0-9]{32}",
    "twilio-key": r"SK[0-9a-f]{32}",
    "typeform-token": r"tfp_[\w-]{40,}",
    "xai-key": r"xai-[A-Za-z0-9]{70,}",
}
_RUN = re.compile(r"[A-Za-z0-9](?<![\w-].)[\w-]{19,}", re.ASCII)
_CHANGING = re.compile(r"[0-9A-Z]")  # a run of lower-case letters alone is a name
_TOKEN = re.compile(
    "|".join(
        f"(?P<{kind.replace('-', '_')}>(?<![A-Za-z0-9])(?:{shape})(?![A-Za-z0-9]))" for kind, shape in _TOKENS.items()
    ),
    re.ASCII,
)

# Everything else: (kind, what the text must hold for the pattern to be tried, pattern). `value` is what is replaced.
_SHAPES = [
    (kind, hint, re.compile(pattern, re.ASCII))
    for kind, hint, pattern in (
        ("jwt", "eyJ", r"(?<![A-Za-z0-9])(?P<value>eyJ[\w-]{10,}\.eyJ[\w-]{6,}\.[\w-]*)"),
        ("jwt", "eyJ", r"(?<![A-Za-z0-9])(?P<value>eyJ[\w-]{10,}(?:\.[\w-]*){4})"),  # encrypted: five parts
        ("google-oauth-token", "ya29.", r"(?<![A-Za-z0-9])(?P<value>ya29\.[\w-]{20,})"),
        ("google-refresh-token", "1//0", r"(?<![\w/])(?P<value>1//0[\w-]{40,})"),
        ("sendgrid-key", "SG.", r"(?<![A-Za-z0-9])(?P<value>SG\.[\w-]{16,32}\.[\w-]{16,64})"),
        ("dropbox-token", "sl.", r"(?<![\w.])(?P<value>sl\.(?:u\.)?[\w-]{120,})"),
        ("vault-token", "hv", r"(?<![\w.])(?P<value>hv[bsr]\.[\w-]{24,})"),
        ("terraform-cloud-token", ".atlasv1.", r"(?P<value>[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})"),
        ("doppler-token", "dp.", r"(?<![\w.])(?P<value>dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,})"),
        ("dynatrace-token", "dt0", r"(?<![\w.])(?P<value>dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64})"),
        ("airtable-token", "pat", r"(?<![\w.])(?P<value>pat[A-Za-z0-9]{14}\.[0-9a-f]{64})"),
        ("discord-token", ".", r"(?<![\w.-])(?P<value>[MNO][A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,38})(?![\w-])"),
        ("telegram-token", ":AA", r"(?<!\d)(?P<value>\d{8,10}:AA[\w-]{32,33})(?![\w-])"),
        ("okta-token", "SSWS ", r"SSWS (?P<value>[\w-]{30,})"),
        ("fly-token", "FlyV1", r"FlyV1 (?P<value>fm\d[\w+/=,-]{40,})"),
        ("slack-webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[\w/+-]{20,})"),
        ("discord-webhook", "/webhooks/", r"discord(?:app)?\.com/api/webhooks/(?P<value>\d{8,}/[\w-]{20,})"),
        ("teams-webhook", "webhook.office.com/", r"webhook\.office\.com/webhookb2/(?P<value>[\w@-]{36,}/IncomingWebhook/[\w/-]{32,})"),
        ("azure-storage-key", "AccountKey=", r"AccountKey=(?P<value>[\w+/]{40,}={0,2})"),
        ("azure-shared-access-key", "SharedAccessKey=", r"SharedAccessKey=(?P<value>[\w+/]{40,}={0,2})"),
        ("azure-signature", "sig=", r"(?<![A-Za-z])sig=(?P<value>[\w%+/-]{40,}(?:=|%3[Dd])?)"),
        ("azure-client-secret", "Q~", r"(?<![\w.~-])(?P<value>[\w.~-]{3}\dQ~[\w.~-]{31,34})(?![\w.~-])"),
        ("azure-devops-token", "AZDO", r"(?<![A-Za-z0-9])(?P<value>[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})(?![A-Za-z0-9])"),
        ("sentry-dsn", "@", r"https?://(?P<value>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]+/\d"),
        ("password-in-url", "@", r"://[^\s/:@\"'`<>\\]*:(?P<value>[^\s/@\"'`<>\\]+)@[\w\[]"),
        ("authorization-header", "uthorization", r"uthorization\\?[\"']?\]?\s*[:=,]\s*\\?[\"'`]?(?:[Bb]asic|[Bb]earer|[Tt]oken)\s+(?P<value>[\w+/.~-]{16,}={0,2})"),
        ("docker-auth", "\"auth", r"\"auth\\?\"\s*:\s*\\?\"(?P<value>[A-Za-z0-9+/]{16,}={0,2})\\?\""),
        ("npm-auth", "_auth", r":_auth(?:Token)?\s*=\s*(?P<value>[\w+/-]{16,}={0,2})"),
        ("netrc-password", "machine ", r"machine\s+\S+\s+login\s+\S+\s+password\s+(?P<value>[^\s\"'`\\]{6,})"),
        ("putty-private-key", "PuTTY-User-Key-File", r"Private-MAC:\s*(?P<value>[0-9a-fA-F]{32,})"),
    )
]  # fmt: skip
_MASKED = re.compile(r"([xX*.0])\1{5}|\$\{|\{\{|<[A-Za-z]|%\(|#\{")
_VARIABLE = re.compile(
    r"\$.*|%[\w(].*|\{.*|<.*|\*+|\.+|:?[a-z_]*(?:pass(?:word|wd|phrase)?|pwd|pass|pw|secret|token)\d?|[xX]+", re.DOTALL
)

# A private key, in a file, a string or JSON. Between its ends, or after its beginning where the end is not there (a
# hunk is clipped), each run of base64 is replaced: line breaks, quotes and prefixes stay.
_BEGIN = "-----BEGIN "
_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?P<body>(?:(?!-----).){0,20000}?(?=-----END )|(?:(?:\\[nrt]|[\s\"'`,;+*#>|.()-]){1,80}[A-Za-z0-9+/=]{32,})+)",
    re.DOTALL,
)
_PUTTY = re.compile(
    r"PuTTY-User-Key-File.{0,2000}?Private-Lines:\s*\d+(?P<body>.{0,20000}?)(?=Private-MAC|\Z)", re.DOTALL
)
_KEY_LINE = re.compile(r"\\[nrt\\\"']|(?:Proc-Type|DEK-Info|Version|Comment): ?[^\n\\\"]*|(?P<run>[A-Za-z0-9+/=]{2,})")
_MATERIAL = re.compile(r"[A-Za-z0-9+/=]{16,}")


def find_credentials(text: str) -> Iterator[Finding]:
    """Every secret in `text` that its shape gives away. Findings may overlap."""
    yield from _tokens(text)
    for kind, hint, pattern in _SHAPES:
        if hint in text:
            for match in pattern.finditer(text):
                if is_secret(match["value"]):
                    yield Finding(kind, *match.span("value"))
    if _BEGIN in text:
        yield from _key_lines(text, _KEY, "private-key")
    if "PuTTY-User-Key-File" in text:
        yield from _key_lines(text, _PUTTY, "putty-private-key")


def is_secret(value: str) -> bool:
    """Whether `value` may be one: neither a mask such as `xxxxxx` nor a reference to a variable."""
    return not _MASKED.search(value) and not _VARIABLE.fullmatch(value)


def _tokens(text: str) -> Iterator[Finding]:
    for run in _RUN.finditer(text):
        if not _CHANGING.search(run[0]):
            continue
        for match in _TOKEN.finditer(text, run.start(), run.end()):
            if match.lastgroup and is_secret(match[0]):
                yield Finding(match.lastgroup.replace("_", "-"), *match.span())


def _key_lines(text: str, whole: re.Pattern[str], kind: str) -> Iterator[Finding]:
    for key in whole.finditer(text):
        if not _MATERIAL.search(key["body"]):
            continue  # the two ends alone, as a parser of keys holds them
        goes_on = False
        for line in _KEY_LINE.finditer(text, *key.span("body")):
            if line["run"]:
                yield Finding(kind, *line.span("run"), goes_on)
                goes_on = True
