"""Credentials are recognized by form and by name. Tokens are put together here, so that no scanner
takes the tests for a leak.
"""

from __future__ import annotations

import pytest

from policyd.credentials import Found, in_arguments, in_text, in_value, is_credential_name, masked
from tests.support.cases import cases

LETTERS = "abcdefghijklmnopqrstuvwxyz" * 4
DIGITS = "0123456789abcdef" * 8
TOKENS = {
    "AWS access key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "GitHub token": "gh" + "p_" + LETTERS[:36],
    "GitLab token": "gl" + "pat-" + LETTERS[:20],
    "Slack token": "xox" + "b-" + "123456789012-abcdefghijkl",
    "Slack webhook": "hooks.slack" + ".com/services/T0000000A/B0000000A/" + LETTERS[:24],
    "Discord webhook": "discord.com/api" + "/webhooks/123456789012345678/" + LETTERS[:68],
    "Stripe key": "sk_" + "live_" + LETTERS[:24],
    "Google API key": "AI" + "za" + LETTERS[:35],
    "Google client secret": "GOC" + "SPX-" + LETTERS[:28],
    "OpenAI key": "sk-" + LETTERS[:20] + "T3Blbk" + "FJ" + LETTERS[:20],
    "Anthropic key": "sk-" + "ant-" + LETTERS[:40],
    "Hugging Face token": "h" + "f_" + LETTERS[:34],
    "NVIDIA API key": "nv" + "api-" + LETTERS[:64],
    "npm token": "np" + "m_" + LETTERS[:36],
    "PyPI token": "py" + "pi-AgE" + LETTERS[:60],
    "Docker token": "dckr" + "_pat_" + LETTERS[:27],
    "SendGrid key": "S" + "G." + LETTERS[:22] + "." + LETTERS[:43],
    "Twilio key": "S" + "K" + DIGITS[:32],
    "Mailgun key": "ke" + "y-" + DIGITS[:32],
    "DigitalOcean token": "dop" + "_v1_" + DIGITS[:64],
    "Vault token": "hv" + "s." + LETTERS[:24],
    "Grafana token": "gl" + "sa_" + LETTERS[:32] + "_" + DIGITS[:8],
    "Telegram token": "123456789" + ":AA" + LETTERS[:33],
    "Azure key": "Account" + "Key=" + LETTERS[:86] + "==",
    "JSON Web Token": "ey" + "Jabcdefghijk" + "." + "eyJ" + LETTERS[:20] + "." + LETTERS[:20],
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
}


@cases("form", TOKENS)
def test_token_is_recognized_wherever_it_is(form: str) -> None:
    token = TOKENS[form]

    found = in_text(f"set {token} here")

    assert found is not None
    assert (found.form, f"set {token} here"[found.start : found.end]) == (form, token)


@cases(
    "text",
    [
        "AKIAABCDEFGHIJKLMNOPQ",  # longer than an access key
        "ghp_short",
        "sk-learn",
        "risk_live_without_a_dot",
        "eyJhbGciOiJub25lIn0",
        "postgres://db:5432/app",
        "https://example.org/path:with@sign",
        "git@github.com:acme/app.git",
        "postgres://app:${PASSWORD}@db/app",
        "-----BEGIN PUBLIC KEY-----",
        "docker.io/library/nginx@sha256:" + DIGITS[:64],
    ],
)
def test_harmless_text_is_not_recognized(text: str) -> None:
    assert in_text(text) is None


@cases(
    ("url", "password"),
    [
        ("postgres://app:geheim@db/app", "geheim"),
        ("redis://:geheim@cache:6379", "geheim"),
        ("amqp+ssl://a.b:p%40ss@mq", "p%40ss"),
    ],
)
def test_password_in_a_url_is_recognized(url: str, password: str) -> None:
    start = url.index(password)

    assert in_text(url) == Found("url", "password in a URL", start, start + len(password))


@cases(
    "name",
    [
        *("PASSWORD", "POSTGRES_PASSWORD", "PGPASSWORD", "db.password", "dbPassword", "SMTP_PASS"),
        *("API_KEY", "apikey", "X-Api-Key", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY_BASE"),
        *(
            "jwt-secret",
            "SESSION_TOKEN",
            "requirepass",
            "PASSWORD_SALT",
            "GF_SECURITY_ADMIN_PASSWORD",
        ),
        *("DJANGO_SECRET", "ENCRYPTION_KEY", "MASTER_KEY", "CREDENTIALS"),
    ],
)
def test_name_of_a_credential_is_recognized(name: str) -> None:
    assert is_credential_name(name)


@cases(
    "name",
    [
        *("PASSWORD_FILE", "TOKEN_TTL", "TOKEN_URL", "MAX_TOKENS", "TOKENIZERS_PARALLELISM"),
        *("SECRET_NAME", "PASSWORD_MIN_LENGTH", "SECRETS", "KEYBOARD", "PASSENGER", "COMPASS", ""),
        *("ACCESS_KEY_ID", "API_KEY_HEADER", "PASSIVE_PORT", "AUTH_TYPE", "PUBLIC_KEY", "PWDX"),
        *("REGISTRY_AUTH_HTPASSWD_REALM", "PASSWORD_RESET_URL", "SECRET_REGION"),
    ],
)
def test_name_about_something_else_is_not_recognized(name: str) -> None:
    assert not is_credential_name(name)


@cases(
    "value",
    [
        *("", " ", "true", "No", "1", "****", "/run/secrets/x", "./token.txt", "${OTHER}", "$X"),
        *("<your token>", "%(password)s", "https://login.example", "vault:/kv/app", "{{ token }}"),
    ],
)
def test_value_that_holds_no_credential_is_not_reported(value: str) -> None:
    assert in_value("PASSWORD", value) is None


def test_quotes_around_a_value_are_not_part_of_it() -> None:
    assert in_value("PASSWORD", '"abc"') == Found("name", "", 1, 4)


@cases(
    ("command", "expected"),
    [
        (("redis-server", "--requirepass", "abc"), [(2, "requirepass", "abc")]),
        (("app", "--token=abc", "--port", "80"), [(1, "token", "abc")]),
        (("sh", "-c", "PGPASSWORD=abc psql"), [(2, "PGPASSWORD", "abc")]),
        (("mysqladmin ping -pabc",), [(0, "password", "abc")]),
        (("CMD-SHELL", "mysql --password='abc' -e x"), [(1, "password", "abc")]),
        (("app", "--token", "--verbose"), []),
        (("app", "--password-file", "/run/x"), []),
        (("sh", "-c", 'mysql -p"$PASSWORD"'), []),
        (("ssh", "-p22"), []),
        (("app", "token"), []),
        ((), []),
    ],
)
def test_credentials_in_a_command(
    command: tuple[str, ...], expected: list[tuple[int, str, str]]
) -> None:
    found = [(one.place, one.name, one.secret) for one in in_arguments(command)]

    assert found == expected


@cases(
    ("line", "shown"),
    [
        ("  DB_PASSWORD: abc def", "  DB_PASSWORD: *** ***"),
        ('  - "TOKEN=abc"', '  - "TOKEN=***"'),
        ("  command: [a, --requirepass, abc]", "  command: [a, --requirepass, ****"),
        ("  command: a --token abc", "  command: a --token ***"),
        ("  test: mysqladmin ping -pabc -u root", "  test: mysqladmin ping -p*** -u root"),
        ("  URL: postgres://a:abc@db", "  URL: postgres://a:***@db"),
        ("  " + "A" * 64, "  " + "*" * 64),
        (
            f"  key: {TOKENS['private key']}\\nabc",
            "  key: " + "*" * 10 + " *** ******* " + "*" * 13,
        ),
        ("  image: nginx@sha256:" + DIGITS[:64], "  image: nginx@sha256:" + DIGITS[:64]),
        ("  PASSWORD: ${PASSWORD:?}", "  PASSWORD: ${PASSWORD:?}"),
        ("  PASSWORD: ${PASSWORD:-abc}", "  PASSWORD: ****************"),
        ("  PASSWORD_FILE: /run/x", "  PASSWORD_FILE: /run/x"),
        ("  image: nginx:1.29", "  image: nginx:1.29"),
        ("  secrets: [db_password]", "  secrets: [db_password]"),
        ("  db_password:", "  db_password:"),
    ],
)
def test_line_is_shown_without_its_credentials(line: str, shown: str) -> None:
    assert masked(line) == shown


@cases(
    ("previous", "line", "shown"),
    [
        ("  - --token", "  - abc", "  - ***"),
        ("  PASSWORD: |", "    abc", "    ***"),
        ("  PASSWORD:", "    abc", "    ***"),
        ("  PASSWORD:", "  USER: abc", "  USER: abc"),
        ("  - --verbose", "  - abc", "  - abc"),
    ],
)
def test_line_after_a_name_is_shown_without_its_credential(
    previous: str, line: str, shown: str
) -> None:
    assert masked(line, previous) == shown


@pytest.mark.thorough
@cases(
    "text",
    [
        "a://" * 50_000,
        "a://" + ":" * 200_000,
        "eyJ" * 60_000,
        "password " * 20_000,
        "-" * 200_000,
        "x:" * 100_000 + "@",
        "sk-" * 60_000 + "T3BlbkFJ",
        "A" * 200_000,
        "password" + " " * 200_000,
    ],
)
def test_long_hostile_text_is_searched_in_few_steps(text: str) -> None:
    in_value("PASSWORD", text)
    list(in_arguments((text,)))
    masked(text[:400], text[:400])
