"""`policyd serve` before it serves; tests/unit/serving and tests/integration serve."""

from __future__ import annotations


def test_an_address_that_others_reach_needs_tokens(run) -> None:
    result = run("serve", "--listen", "0.0.0.0:9")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "policyd: error: listen: 0.0.0.0:9 is not a loopback address, and no token is configured; "
        "add [tokens.NAME] to the settings file, or listen on 127.0.0.1\n"
    )


def test_settings_that_are_not_valid_are_one_line(run, folder) -> None:
    (folder / "policyd.toml").write_text("lissten = '127.0.0.1:9'\n")

    result = run("serve", "--config", "policyd.toml")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("policyd: error: policyd.toml")
    assert "lissten" in result.stderr
    assert result.stderr.count("\n") == 1
