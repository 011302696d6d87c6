"""One secret, or piece of personal data, of each kind, made when a test runs: no file holds what scanners flag."""

import base64
import random
import string
from collections.abc import Callable

WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def planted(seed: int = 1) -> dict[str, tuple[str, str]]:
    """kind -> (what must be gone, the line it stands in)."""
    chance = random.Random(seed)

    def some(alphabet: str, length: int) -> str:
        """Random characters, a digit and a letter among them."""
        text = "".join(chance.choice(alphabet) for _ in range(length - 2))
        return text + ("a7" if alphabet is not CAPITALS else "Q7")

    tokens: dict[str, str] = {
        "age-secret-key": "AGE-SECRET-" + "KEY-1" + some(CAPITALS, 58),
        "anthropic-key": "sk-" + "ant-api03-" + some(WORD, 93),
        "atlassian-token": "ATA" + "TT3xFfGF0" + some(WORD, 180),
        "aws-access-key": "AK" + "IA" + some(CAPITALS, 16),
        "azure-client-secret": "abc8Q" + "~" + some(WORD, 34),
        "brevo-key": "xkey" + "sib-" + some(HEX, 64) + "-" + some(WORD, 16),
        "databricks-token": "da" + "pi" + some(HEX, 32),
        "digitalocean-token": "do" + "p_v1_" + some(HEX, 64),
        "discord-token": "M" + some(WORD, 23) + "." + some(WORD, 6) + "." + some(WORD, 27),
        "docker-token": "dc" + "kr_pat_" + some(WORD, 27),
        "doppler-token": "dp" + ".pt." + some(WORD, 43),
        "dropbox-token": "sl" + "." + some(WORD, 135),
        "facebook-token": "EA" + "AB" + some(WORD, 120),
        "figma-token": "fi" + "gd_" + some(WORD, 43),
        "fly-token": "fm" + "2_" + some(WORD, 60),
        "github-token": "gh" + "p_" + some(WORD, 36),
        "gitlab-token": "gl" + "pat-" + some(WORD, 20),
        "google-api-key": "AI" + "za" + some(WORD, 35),
        "google-oauth-secret": "GOC" + "SPX-" + some(WORD, 28),
        "google-oauth-token": "ya" + "29." + some(WORD, 60),
        "grafana-token": "gl" + "sa_" + some(WORD, 32) + "_" + some(HEX, 8),
        "heroku-key": "HR" + "KU-" + some(WORD, 36),
        "hugging-face-token": "h" + "f_" + some(WORD, 34),
        "jwt": "ey" + "J" + some(WORD, 30) + ".ey" + "J" + some(WORD, 40) + "." + some(WORD, 43),
        "linear-key": "lin" + "_api_" + some(WORD, 40),
        "mailchimp-key": some(HEX, 32) + "-us" + "12",
        "mailgun-key": "key" + "-" + some(HEX, 32),
        "new-relic-key": "NR" + "AK-" + some(CAPITALS, 27),
        "notion-token": "nt" + "n_" + some(WORD, 46),
        "npm-token": "np" + "m_" + some(WORD, 36),
        "openai-key": "sk-" + "proj-" + some(WORD, 60),
        "planetscale-token": "psc" + "ale_tkn_" + some(WORD, 43),
        "postman-key": "PM" + "AK-" + some(HEX, 24) + "-" + some(HEX, 34),
        "pulumi-token": "pu" + "l-" + some(HEX, 40),
        "pypi-token": "py" + "pi-AgEIcHlwaS5vcmc" + some(WORD, 80),
        "replicate-token": "r" + "8_" + some(WORD, 37),
        "rubygems-key": "ruby" + "gems_" + some(HEX, 48),
        "sendgrid-key": "S" + "G." + some(WORD, 22) + "." + some(WORD, 43),
        "sentry-token": "snt" + "ryu_" + some(HEX, 64),
        "shopify-token": "shp" + "at_" + some(HEX, 32),
        "slack-token": "xo" + "xb-" + "2345678901-2345678901234-" + some(WORD, 24),
        "square-token": "sq" + "0atp-" + some(WORD, 22),
        "stripe-key": "sk" + "_live_" + some(WORD, 24),
        "supabase-key": "sb" + "p_" + some(HEX, 40),
        "telegram-token": "AA" + some(WORD, 33),
        "terraform-cloud-token": some(WORD, 14) + ".atlas" + "v1." + some(WORD, 67),
        "twilio-key": "S" + "K" + some(HEX, 32),
        "vault-token": "hv" + "s." + some(WORD, 90),
    }
    lines = {kind: f'value = "{token}"' for kind, token in tokens.items()}
    lines["telegram-token"] = f'value = "8123456789:{tokens["telegram-token"]}"'

    def line(kind: str, value: str, form: Callable[[str], str]) -> None:
        tokens[kind], lines[kind] = value, form(value)

    key64 = base64.b64encode(bytes(chance.randrange(256) for _ in range(64))).decode()
    line("azure-storage-key", key64, lambda value: f'url = "AccountName=shop;Account{"Key"}={value};EndpointSuffix=x"')
    line("slack-webhook", f"T{some(CAPITALS, 8)}/B{some(CAPITALS, 8)}/{some(WORD, 24)}",
         lambda value: f'url = "https://hooks.slack.{"com"}/services/{value}"')  # fmt: skip
    line("discord-webhook", f"123456789012345678/{some(WORD, 68)}",
         lambda value: f'url = "https://discord.{"com"}/api/webhooks/{value}"')  # fmt: skip
    line("sentry-dsn", some(HEX, 32), lambda value: f'dsn = "https://{value}@o12.ingest.sentry.io/345"')
    line("password-in-url", some(WORD, 12), lambda value: f'url = "postgres://shop:{value}@db.shop.io:5432/orders"')
    line("password", "vR7#" + some(WORD, 10), lambda value: f'database_password = "{value}"')
    line("aws-secret", some(WORD + "/", 40), lambda value: f'aws_secret_access_key = "{value}"')
    line("okta-secret", some(WORD, 42), lambda value: f'OKTA_API_TOKEN = "{value}"')
    line("heroku-secret", "-".join(some(HEX, n) for n in (8, 4, 4, 4, 12)), lambda value: f'heroku_api_key: "{value}"')
    line("secret", some(WORD, 40), lambda value: f'"client_secret": "{value}",')
    line("authorization-header", some(WORD, 40), lambda value: f'headers["Authorization"] = "Bearer {value}"')
    line("npm-auth", some(WORD, 40), lambda value: f"//registry.shop.io/:_authToken={value}")
    line("netrc-password", some(WORD, 14), lambda value: f"machine api.shop.io login ada password {value}")
    line(
        "private-key",
        key64,
        lambda value: f'key = "-----BEGIN {"PRIVATE"} KEY-----\\n{value}\\n-----END {"PRIVATE"} KEY-----"',
    )
    line("email", "grace.hopper@" + "navy-yard.org", lambda value: f"# ask {value} about it")
    line("phone", "+49 151 " + "23456789", lambda value: f"# or call {value}")
    line("payment-card", "4111 1111" + " 1111 1111", lambda value: f'card = "{value}"')
    line("iban", "DE89 3704 0044" + " 0532 0130 00", lambda value: f'account = "{value}"')
    line("us-ssn", "219-09" + "-9999", lambda value: f'ssn = "{value}"')
    line("spanish-id", "12345678" + "Z", lambda value: f'holder = "{value}"')
    line("dutch-id", "11122" + "2333", lambda value: f'bsn = "{value}"')
    line("italian-id", "RSSMRA85" + "T10A562S", lambda value: f'holder = "{value}"')
    line("brazilian-id", "390.533" + ".447-05", lambda value: f'holder = "{value}"')
    return {kind: (tokens[kind], lines[kind]) for kind in tokens}


def private_key(seed: int = 3) -> str:
    """A key in a file of its own, on nine lines."""
    chance = random.Random(seed)
    body = base64.b64encode(bytes(chance.randrange(256) for _ in range(330))).decode()
    rows = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN RSA {'PRIVATE'} KEY-----", *rows, f"-----END RSA {'PRIVATE'} KEY-----"]) + "\n"
