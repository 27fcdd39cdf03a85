"""`policyd receipt`, and the receipt that `policyd review` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.receipts import KEY, NOW, OTHER_KEY, PEM, receipt

VALID = "2026-09-21T14:15:00Z"
LATE = "2026-09-22"


@pytest.fixture
def files(folder: Path) -> Path:
    """A receipt, and files of public keys: its own, another one, and both."""
    (folder / "r").write_bytes(receipt())
    (folder / "own").write_text(KEY.public.pem)
    (folder / "other").write_text(OTHER_KEY.public.pem)
    (folder / "both").write_text(OTHER_KEY.public.pem + KEY.public.pem)
    return folder


def test_the_times_of_these_tests_are_those_of_the_receipt() -> None:
    assert NOW == 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize("keys", [["own"], ["both"], ["other", "own"]])
def test_a_valid_receipt_ends_with_0_and_is_shown(run, files: Path, keys: list[str]) -> None:
    options = [text for key in keys for text in ("--public-key", key)]

    result = run("receipt", "verify", "r", *options, "--at", VALID, "--host", "gpu-01")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == [
        f"r: valid, signed by the key {KEY.public.key_id}",
        "  decision:   d-1, allowed (CREATE)",
        "  log:        policyd.acme.example/log, event 7",
    ]
    assert "  grant:      train: nvidia by gpus, 0" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--public-key", "other", "--at", VALID], "no trusted key signed the receipt: it is"),
        (["--public-key", "own", "--at", LATE], "the receipt expired on 2026-09-21T15:13:20.0000"),
        (
            ["--public-key", "own", "--at", VALID, "--host", "gpu-02"],
            "the receipt is for the host gpu-01, not gpu-02",
        ),
    ],
)
def test_any_other_ends_with_1_and_the_reason(run, files: Path, options, sentence: str) -> None:
    result = run("receipt", "verify", "r", *options)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"r: not valid: {sentence}")
    document = json.loads(run("receipt", "verify", "r", *options, "--format", "json").stdout)
    assert (document["kind"], document["verified"], document["admission"]) == (
        "Receipt", False, None,
    )  # fmt: skip
    assert document["reason"].startswith(sentence)


def test_a_changed_receipt_ends_with_1(run, files: Path) -> None:
    envelope = json.loads((files / "r").read_text().splitlines()[0])
    envelope["payload"] = f"AAAA{envelope['payload']}"
    (files / "changed").write_text(json.dumps(envelope))

    result = run("receipt", "verify", "changed", "--public-key", "own")

    assert result.exit_code == 1
    assert result.stdout == (
        f"changed: not valid: the signature by the key {KEY.public.key_id} does not match the "
        "content: the receipt was changed after it was signed\n"
    )


def test_without_keys_nothing_is_verified(run, files: Path) -> None:
    missing = run("receipt", "verify", "r")
    (files / "own").write_text("text")
    invalid = run("receipt", "verify", "r", "--public-key", "own")

    assert (missing.exit_code, invalid.exit_code) == (2, 2)
    assert "the public keys that are trusted are required: --public-key" in missing.stderr
    assert invalid.stderr == "policyd: error: own does not consist of public keys in PEM\n"


def test_the_setting_names_the_keys(run, files: Path) -> None:
    (files / "policyd.toml").write_text('receipt_public_keys_file = "own"\n')

    result = run("receipt", "verify", "r", "--config", "policyd.toml", "--at", VALID)

    assert result.exit_code == 0


def test_inspect_says_that_nothing_was_verified(run, files: Path) -> None:
    (files / "denied").write_bytes(receipt(OTHER_KEY, allowed=False, exceptions=("night",)))

    result = run("receipt", "inspect", "denied")
    document = json.loads(run("receipt", "inspect", "denied", "--format", "json").stdout)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "denied: not verified; see policyd receipt verify"
    assert lines[1] == "  decision:   d-1, denied (CREATE)"
    assert lines[-1] == "  exception:  night"
    assert (document["verified"], document["admission"]["allowed"]) == (False, False)


def test_what_is_not_a_receipt_is_an_error(run, files: Path) -> None:
    (files / "empty").write_text("")

    result = run("receipt", "inspect", "empty")

    assert result.exit_code == 2
    assert result.stderr == (
        "policyd: error: the receipt has 0 lines; expected 1 to 2, each a DSSE envelope\n"
    )


def test_the_public_key_of_the_service_is_printed(run, files: Path) -> None:
    (files / "key.pem").write_text(PEM)
    (files / "key.pem").chmod(0o600)
    (files / "policyd.toml").write_text('receipt_key_file = "key.pem"\n')

    assert run("receipt", "public-key", "--config", "policyd.toml").stdout == KEY.public.pem
    missing = run("receipt", "public-key")
    assert (missing.exit_code, missing.stderr) == (
        2, "policyd: error: no key for receipts is configured: set receipt_key_file\n",
    )  # fmt: skip
