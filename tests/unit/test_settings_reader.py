from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest

from policyd.config import ImageRegistry, Registry, Settings, Token
from policyd.console_settings import OidcSettings, Role
from policyd.errors import ConfigError
from policyd.issuer_settings import Issuer
from policyd.listen_address import listen_address
from policyd.publication_settings import CheckpointCopy, Witness
from policyd.settings_reader import is_secret, load_settings
from policyd.transparency.note import COSIGNATURE, Verifier

DIGEST = hashlib.sha256(b"s3cret-token-of-ci").hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()
TOKEN = f'owner = "ci-bot"\nsha256 = "{DIGEST}"\nrepositories = ["acme/**"]\n'
ISSUER = (
    'issuer = "https://token.actions.githubusercontent.com"\naudience = "https://policyd.example"\n'
    'kind = "github"\nrepositories = ["acme/**"]\n'
)
WITNESS_KEY = Verifier("w.example", COSIGNATURE, bytes(32)).vkey
REGISTRY = f'url = "https://registry.example"\nhook_sha256 = "{DIGEST}"\n'


@pytest.fixture
def read(tmp_path: Path):
    """A function that reads settings from the text of a file, an environment and flags."""

    def load(text: str = "", environment=None, **flags) -> Settings:
        file = tmp_path / "policyd.toml"
        file.write_text(text)
        return load_settings(str(file), environment or {}, flags)

    return load


@pytest.fixture
def refused(read, tmp_path: Path):
    """A function that returns what is said of bad settings, with the folder cut off."""

    def load(text: str = "", environment=None, **flags) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text, environment, **flags)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return load


def test_an_issuer_has_defaults_and_its_file_is_relative_to_the_settings(
    read, tmp_path: Path
) -> None:
    issuer = read(f'[issuers.forge]\n{ISSUER}jwks_file = "keys.json"\n').issuers["forge"]

    assert issuer == Issuer(
        issuer="https://token.actions.githubusercontent.com",
        audience="https://policyd.example",
        kind="github",
        repositories=("acme/**",),
        jwks_file=str(tmp_path / "keys.json"),
    )
    assert (issuer.enforcement_point, issuer.max_lifetime) == ("ci", 86_400)


def test_without_file_environment_and_flags_the_defaults_hold():
    settings = load_settings(None, {}, {})

    assert (settings.policy_set, settings.audit, settings.engine) == ("", "", "embedded")
    assert listen_address(settings) == ("127.0.0.1", 8093)
    assert (settings.tokens, settings.registries) == ({}, {})
    assert settings.max_body == 32 * 1024 * 1024


def test_flags_override_the_environment_which_overrides_the_file(read):
    text = "workers = 2\nthreads = 3\nreview_timeout = 4\n"
    environment = {"POLICYD_THREADS": "30", "POLICYD_REVIEW_TIMEOUT": "40"}

    settings = read(text, environment, review_timeout=400, policy_set=None)

    assert (settings.workers, settings.threads, settings.review_timeout) == (2, 30, 400)
    assert settings.policy_set == ""


def test_the_environment_may_name_the_file(tmp_path):
    (tmp_path / "a.toml").write_text("workers = 7\n")
    (tmp_path / "b.toml").write_text("workers = 8\n")
    environment = {"POLICYD_CONFIG": str(tmp_path / "a.toml")}

    assert load_settings(None, environment, {}).workers == 7
    assert load_settings(str(tmp_path / "b.toml"), environment, {}).workers == 8


def test_paths_in_the_file_are_read_against_its_folder(read, tmp_path):
    text = f'policy_set = "sets/prod.yaml"\naudit = "log.db"\n[registries.hub]\n{REGISTRY}'
    text += 'username = "ci"\npassword_file = "secrets/hub"\n'

    settings = read(text)

    assert settings.policy_set == str(tmp_path / "sets/prod.yaml")
    assert settings.audit == str(tmp_path / "log.db")
    assert settings.registries["hub"].password_file == str(tmp_path / "secrets/hub")
    assert read("", {"POLICYD_POLICY_SET": "here.yaml"}).policy_set == "here.yaml"
    assert read('audit = "postgresql://db/audit"\n').audit == "postgresql://db/audit"


def test_an_opa_server_is_named_with_its_token_and_its_certificates(read, tmp_path):
    token = tmp_path / "opa-token"
    token.write_text("s3cret\n")
    token.chmod(0o600)

    settings = read(
        'engine = "opa"\nengine_url = "https://opa.acme"\nengine_ca_file = "ca.pem"\n',
        {"POLICYD_ENGINE_TOKEN_FILE": str(token)},
    )

    assert (settings.engine, settings.engine_url) == ("opa", "https://opa.acme")
    assert settings.engine_token == "s3cret"
    assert settings.engine_ca_file == str(tmp_path / "ca.pem")


def test_tokens_and_registries_are_tables(read):
    settings = read(f"[tokens.ci]\n{TOKEN}[registries.hub]\n{REGISTRY}")

    assert settings.tokens == {
        "ci": Token(owner="ci-bot", sha256=DIGEST, repositories=("acme/**",))
    }
    assert settings.registries == {
        "hub": Registry(url="https://registry.example", hook_sha256=DIGEST)
    }


def test_a_token_for_metrics_needs_no_repositories(read):
    text = f'[tokens.scraper]\nowner = "x"\nsha256 = "{DIGEST}"\nscopes = ["metrics", "bundles"]\n'

    assert read(text).tokens["scraper"] == Token(
        owner="x", sha256=DIGEST, scopes=("metrics", "bundles")
    )
    assert read(f"[tokens.ci]\n{TOKEN}").tokens["ci"].scopes == (
        "review", "audit:read", "metrics", "bundles",
    )  # fmt: skip


def test_the_places_for_checkpoints_are_read(read, tmp_path):
    settings = read(
        f'[checkpoint_copies.disk]\nfile = "kept"\n[witnesses.w]\nurl = "https://w"\n'
        f'public_key = "{WITNESS_KEY}"\ntoken_file = "t"\n'
    )

    assert settings.checkpoint_copies == {"disk": CheckpointCopy(file=str(tmp_path / "kept"))}
    assert settings.witnesses == {
        "w": Witness(url="https://w", public_key=WITNESS_KEY, token_file=str(tmp_path / "t"))
    }
    with pytest.raises(ConfigError) as caught:
        read("[checkpoint_copies.disk]\nmethod = 'POST'\n")
    assert str(caught.value).endswith(
        "policyd.toml:1:1: checkpoint_copies.disk: set exactly one of file and url"
    )


def test_a_provider_and_roles_of_people_are_tables(read, tmp_path):
    settings = read(
        '[oidc]\nissuer = "https://login.example/a"\nclient_id = "policyd"\n'
        'client_secret_file = "secret"\n'
        '[roles.all]\ngroups = ["*"]\nrepositories = ["ml/**"]\n'
    )

    assert settings.oidc == OidcSettings(
        issuer="https://login.example/a",
        client_id="policyd",
        client_secret_file=str(tmp_path / "secret"),
    )
    assert settings.roles == {"all": Role(groups=("*",), repositories=("ml/**",))}


def test_registries_of_images_have_a_url_by_their_host(read, tmp_path):
    settings = read(
        'images = "inspect"\n'
        '[image_registries.hub]\nhost = "docker.io"\n'
        '[image_registries.github]\nhost = "GHCR.io"\nusername = "me"\npassword_file = "pw"\n'
        '[image_registries.own]\nhost = "localhost:5000"\nurl = "http://127.0.0.1:5000"\n'
        'insecure = true\nauth_hosts = ["a.example"]\nredirect_hosts = ["*.b.example"]\n'
    )

    assert settings.images == "inspect"
    assert settings.image_registries == {
        "hub": ImageRegistry(
            host="docker.io",
            url="https://registry-1.docker.io",
            auth_hosts=("auth.docker.io",),
        ),
        "github": ImageRegistry(
            host="ghcr.io",
            url="https://ghcr.io",
            username="me",
            password_file=str(tmp_path / "pw"),
        ),
        "own": ImageRegistry(
            host="localhost:5000",
            url="http://127.0.0.1:5000",
            insecure=True,
            auth_hosts=("a.example",),
            redirect_hosts=("*.b.example",),
        ),
    }
    assert read("").images == "off"
    assert read('images = "inspect"\n', images="off").images == "off"
    assert read("", {"POLICYD_IMAGES": "inspect"}).images == "inspect"


def test_a_secret_in_a_file_is_kept_as_its_digest_only(read, tmp_path):
    (tmp_path / "token").write_text("s3cret-token-of-ci\n")
    (tmp_path / "token").chmod(0o600)
    settings = read(
        '[tokens.ci]\nowner = "ci-bot"\nvalue_file = "token"\nrepositories = ["acme/**"]\n'
        '[registries.hub]\nurl = "https://registry.example"\nhook_token_file = "token"\n'
    )

    assert settings.tokens["ci"].sha256 == DIGEST
    assert settings.registries["hub"].hook_sha256 == DIGEST
    assert "s3cret-token-of-ci" not in repr(settings)


def test_a_setting_that_may_hold_a_password_can_come_from_a_file(read, refused, tmp_path):
    secret = tmp_path / "audit-url"
    secret.write_text("postgresql://policyd:hunter2@db/audit\n")
    variables = {"POLICYD_AUDIT_FILE": str(secret)}

    assert read("", variables).audit == "postgresql://policyd:hunter2@db/audit"
    assert refused("", {**variables, "POLICYD_AUDIT": "x"}) == (
        "POLICYD_AUDIT_FILE and POLICYD_AUDIT are both set; set only one of them"
    )
    assert refused("", {"POLICYD_LISTEN_FILE": "x"}).startswith(
        "POLICYD_LISTEN_FILE: unknown setting"
    )
    secret = [name for name in Settings.__struct_fields__ if is_secret(name)]
    assert secret == ["audit", "engine_token"]


def test_settings_can_be_handed_to_another_process(read):
    settings = read(f"[tokens.ci]\n{TOKEN}")

    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'workers = 2\nlisten = "x"\n  policy_sett = "a.yaml"\n',
            "policyd.toml:3:3: policy_sett: unknown setting; did you mean policy_set?",
        ),
        ('workers = "two"\n', "policyd.toml:1:1: workers: expected a whole number from 1 to 256"),
        ("workers = 0\n", "policyd.toml:1:1: workers: expected a whole number from 1 to 256"),
        ("\naudit = [1]\n", "policyd.toml:2:1: audit: expected a text"),
        ('engine = "cel"\n', "policyd.toml:1:1: engine: expected embedded or opa"),
        (
            "reload_interval = -1\n",
            "policyd.toml:1:1: reload_interval: expected a whole number from 0 to 86400",
        ),
        (
            "workers = 2\nthreads = \n",
            "policyd.toml:2:11: invalid TOML: invalid value",
        ),
        (
            f"[tokens.ci]\n{TOKEN}repositorys = []\n",
            "policyd.toml:5:1: tokens.ci: unknown setting repositorys; did you mean repositories?",
        ),
        (
            f'[tokens.ci]\nowner = "x"\nsha256 = "{DIGEST}"\n',
            "policyd.toml:1:1: tokens.ci: the setting repositories is missing, which the scopes "
            'review and audit:read require; write ["**"] for all repositories',
        ),
        (
            f'[tokens.ci]\nowner = "x"\nsha256 = "{DIGEST}"\nscopes = ["metrics", "admin"]\n',
            "policyd.toml:1:1: tokens.ci: the setting repositories is missing, which the scopes "
            'admin require; write ["**"] for all repositories',
        ),
        (
            f'[tokens.ci]\n{TOKEN}scopes = ["audit:write"]\n',
            "policyd.toml:5:1: tokens.ci.scopes: expected a list of admin, audit:read, bundles, "
            "metrics, review, at least one of them",
        ),
        (
            f"[tokens.ci]\n{TOKEN}scopes = []\n",
            "policyd.toml:5:1: tokens.ci.scopes: expected a list of admin, audit:read, bundles, "
            "metrics, review, at least one of them",
        ),
        (
            f'[tokens.ci]\n{TOKEN}environments = "prod"\n',
            "policyd.toml:5:1: tokens.ci.environments: expected a list of texts,"
            " none of them empty",
        ),
        (
            '[tokens.ci]\nowner = "x"\nrepositories = []\n',
            "policyd.toml:1:1: tokens.ci: set exactly one of sha256 and value_file",
        ),
        (
            f'[tokens.ci]\n{TOKEN}value_file = "x"\n',
            "policyd.toml:1:1: tokens.ci: set exactly one of sha256 and value_file",
        ),
        (
            '[tokens.ci]\nowner = "x"\nvalue_file = "gone"\nrepositories = []\n',
            "policyd.toml:1:1: tokens.ci.value_file: cannot read gone: No such file or directory",
        ),
        (
            f"[tokens.a]\n{TOKEN}[tokens.b]\n{TOKEN}",
            "policyd.toml:1:1: tokens.a and tokens.b are the same token",
        ),
        (
            f"[issuers.a]\n{ISSUER}[issuers.b]\n{ISSUER}",
            "policyd.toml:1:1: issuers.a and issuers.b are the same issuer",
        ),
        (
            "[issuers.a]\n" + ISSUER.replace("https://token", "http://token"),
            "policyd.toml:1:1: issuers.a.issuer: expected https:// and a host, optionally with a "
            "path",
        ),
        (
            "[issuers.a]\n" + ISSUER.replace("https://policyd.example", "https://github.com/acme"),
            "policyd.toml:1:1: issuers.a.audience: every job of the owner can get tokens for "
            "https://github.com/acme; write the URL of this webhook, and request tokens for it",
        ),
        (
            f'[issuers.a]\n{ISSUER}claims = {{repository = "x"}}\n',
            "policyd.toml:1:1: issuers.a.claims: only issuers of the kind generic have it",
        ),
        (
            "[issuers.a]\n" + ISSUER.replace('"github"', '"generic"'),
            "policyd.toml:1:1: issuers.a: an issuer of the kind generic needs claims.repository "
            "and bound_claims",
        ),
        (
            "[issuers.a]\n" + ISSUER.replace('"github"', '"generic"') + 'claims = {ref = "x"}\n',
            "policyd.toml:1:1: issuers.a: an issuer of the kind generic needs claims.repository "
            "and bound_claims",
        ),
        (
            "[issuers.a]\n"
            + ISSUER.replace('"github"', '"generic"')
            + 'claims = {repositry = "x"}\n',
            "policyd.toml:1:1: issuers.a.claims: unknown name repositry; did you mean repository?",
        ),
        (
            f"[issuers.a]\n{ISSUER}bound_claims = {{a = 1}}\n",
            "policyd.toml:6:1: issuers.a.bound_claims: expected a table of texts",
        ),
        (
            '[issuers.a]\nissuer = "https://x.example"\naudience = "x"\nkind = "github"\n',
            "policyd.toml:1:1: issuers.a: the required setting repositories is missing",
        ),
        ('tokens = ["a"]\n', "policyd.toml:1:1: tokens: expected tables, as in [tokens.NAME]"),
        (
            '[failure_policies]\nci = "Open"\n',
            "policyd.toml:1:1: failure_policies: expected a table of ci, cli, daemon, forge, "
            "registry or webhook with the values Fail or Ignore",
        ),
        (
            '[failure_policies]\npipeline = "Ignore"\n',
            "policyd.toml:1:1: failure_policies: expected a table of ci, cli, daemon, forge, "
            "registry or webhook with the values Fail or Ignore",
        ),
        (
            f'[tokens.a]\nowner = "a"\nsha256 = "{DIGEST}"\nrepositories = ["**"]\n'
            'failure_policy = "ignore"\n',
            "policyd.toml:5:1: tokens.a.failure_policy: expected Fail or Ignore",
        ),
        (
            f'[registries."a/b"]\n{REGISTRY}',
            "policyd.toml:1:1: registries.a/b: invalid name; a name consists of letters, "
            "digits, '-' and '_', and begins with a letter or digit",
        ),
        (
            f'[registries.hub]\nurl = "http://registry.example"\nhook_sha256 = "{DIGEST}"\n',
            "policyd.toml:1:1: registries.hub.url: expected https:// and a host,"
            " optionally with a port",
        ),
        (
            f'[registries.hub]\nurl = "https://u:p@registry.example"\nhook_sha256 = "{DIGEST}"\n',
            "policyd.toml:1:1: registries.hub.url: expected https:// and a host,"
            " optionally with a port",
        ),
        (
            '[registries.hub]\nurl = "https://registry.example"\n',
            "policyd.toml:1:1: registries.hub: set exactly one of hook_sha256 and hook_token_file",
        ),
        (
            f'[registries.hub]\n{REGISTRY}username = "ci"\n',
            "policyd.toml:1:1: registries.hub: username and password_file must be set together",
        ),
        (
            "[image_registries.hub]\n",
            "policyd.toml:1:1: image_registries.hub: the required setting host is missing",
        ),
        *(
            (
                f'[image_registries.hub]\nhost = "{host}"\n',
                "policyd.toml:1:1: image_registries.hub.host: expected a host as in image "
                "references, such as ghcr.io, docker.io or registry.example:5000",
            )
            for host in ("hub", "https://ghcr.io", "ghcr.io/acme", "u:p@ghcr.io", "*.example")
        ),
        (
            '[image_registries.hub]\nhost = "index.docker.io"\n',
            "policyd.toml:1:1: image_registries.hub.host: write docker.io, which index.docker.io "
            "stands for",
        ),
        (
            '[image_registries.hub]\nhost = "localhost:5000"\nurl = "http://localhost:5000"\n',
            "policyd.toml:1:1: image_registries.hub.url: expected https:// and a host,"
            " optionally with a port",
        ),
        (
            '[image_registries.hub]\nhost = "ghcr.io"\npassword_file = "x"\n',
            "policyd.toml:1:1: image_registries.hub: username and password_file must be set "
            "together",
        ),
        (
            '[image_registries.a]\nhost = "ghcr.io"\n[image_registries.b]\nhost = "GHCR.io"\n',
            "policyd.toml:1:1: image_registries.a and image_registries.b have the same host",
        ),
        ('images = "on"\n', "policyd.toml:1:1: images: expected inspect or off"),
        ("[oidc]\n", "policyd.toml:1:1: oidc: the required setting issuer is missing"),
        (
            '[oidc]\nissuer = "https://login.example"\n',
            "policyd.toml:1:1: oidc: the required setting client_id is missing",
        ),
        (
            '[oidc]\nissuer = "http://login.example"\n',
            "policyd.toml:1:1: oidc.issuer: expected https:// and a host, optionally with a path",
        ),
        (
            '[oidc]\nissuer = "https://a"\nclientid = "p"\n',
            "policyd.toml:3:1: oidc: unknown setting clientid; did you mean client_id?",
        ),
        ("oidc = 1\n", "policyd.toml:1:1: oidc: expected a table, as in [oidc]"),
        (
            '[roles.ops]\ngroups = ["gpu-ops"]\n',
            "policyd.toml:1:1: roles.ops: the required setting repositories is missing",
        ),
        (
            '[roles.ops]\ngroups = []\nrepositories = ["**"]\n',
            "policyd.toml:2:1: roles.ops.groups: expected a list of texts, none of them empty",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(refused, text, message):
    assert refused(text) == message


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, refused):
    with pytest.raises(ConfigError) as caught:
        load_settings(str(tmp_path / "gone.toml"), {}, {})
    assert (
        str(caught.value)
        == f"{tmp_path}/gone.toml: cannot read the file: No such file or directory"
    )

    (tmp_path / "policyd.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError) as caught:
        load_settings(str(tmp_path / "policyd.toml"), {}, {})
    assert str(caught.value) == f"{tmp_path}/policyd.toml: the file is not valid UTF-8"


@pytest.mark.parametrize(
    "url", ["", "http://localhost:8080", "https://policyd.example/a/", "https://[::1]:8443"]
)
def test_the_public_url_is_kept(read, url):
    assert read(f'public_url = "{url}"').public_url == url


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"POLICYD_WORKRES": "2"},
            "POLICYD_WORKRES: unknown setting; did you mean POLICYD_WORKERS?",
        ),
        (
            {"POLICYD_WORKERS": "many"},
            "POLICYD_WORKERS: expected a whole number from 1 to 256, found 'many'",
        ),
        (
            {"POLICYD_LOG_FORMAT": "xml"},
            "POLICYD_LOG_FORMAT: expected console or json, found 'xml'",
        ),
        *(
            (
                {"POLICYD_PUBLIC_URL": url},
                "POLICYD_PUBLIC_URL: expected http:// or https:// and a host, optionally with a "
                f"port and a path, found {url!r}",
            )
            for url in (
                "policyd.example",
                "ftp://policyd.example",
                "https://",
                "https://ada@policyd.example",
                "https://policyd.example/?a=b",
                "https://policyd.example/a)b",
                "https://policyd.example\n",
            )
        ),
        ({"POLICYD_TOKENS": "x"}, "POLICYD_TOKENS: unknown setting"),
        ({"POLICYD_AUDIT_FILE": "/dev/null"}, "POLICYD_AUDIT_FILE: /dev/null is empty"),
    ],
)
def test_a_mistake_in_the_environment_is_named(refused, variables, message):
    assert refused("", variables) == message


def test_a_flag_of_a_wrong_value_is_named(refused):
    assert refused(workers=0) == "--workers: expected a whole number from 1 to 256, found 0"
    assert refused(no_such=1) == "--no-such: unknown setting"


def test_variables_of_others_are_left_alone(read):
    kubernetes = {"POLICYD_SERVICE_HOST": "10.0.0.1", "POLICYD_PORT": "tcp://10.0.0.1:80"}

    assert read("", {"PATH": "/bin", **kubernetes}) == Settings()


def test_the_variables_of_clients_in_ci_are_no_settings(read):
    client = {"POLICYD_URL": "https://policyd.example", "POLICYD_TOKEN": "s3cret-token"}

    assert read("", client) == Settings()
