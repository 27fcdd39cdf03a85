"""A value that the schema refuses is named with its path, and with what would be right."""

from __future__ import annotations

import pytest

from policyd.compose.table.check import check
from policyd.compose.table.fields import PROJECT
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document


def problem(text: str) -> str:
    with pytest.raises(ComposeError) as error:
        check(document(text), PROJECT)
    return str(error.value)


@cases(
    ("service", "message"),
    [
        ("{image: 1}", "2:16: services.web.image: expected a string, found the number 1"),
        ("{image: true}", "2:16: services.web.image: expected a string, found true"),
        (
            "{privileged: []}",
            "2:21: services.web.privileged: expected a string or true or false, found a list",
        ),
        ("{cap_add: [A, A]}", "2:22: services.web.cap_add: items 0 and 1 are equal"),
        ("{cgroup: x}", "2:17: services.web.cgroup: expected host or private, found 'x'"),
        (
            "{pull_policy: every_12h_}",
            "2:22: services.web.pull_policy: 'every_12h_' does not match the pattern ^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$",
        ),
        ("{cpu_count: -1}", "2:20: services.web.cpu_count: expected at least 0, found -1"),
        (
            "{umask: 4294967296}",
            "2:16: services.web.umask: expected at most 4294967295, found 4294967296",
        ),
        ("{ulimits: {nofile: {soft: 1}}}", "2:27: services.web.ulimits.nofile: `hard` is missing"),
        (
            "{networks: {'a b': null}}",
            "2:27: services.web.networks: 'a b' is not a valid name: use letters, digits, '.', '_' and '-'",
        ),
        ("{shm_size: .inf}", "2:19: services.web.shm_size: inf is not a finite number"),
        (
            "{security_opt: [{a: b}]}",
            "2:24: services.web.security_opt[0]: expected a string, found a mapping: write `a=value`, or quote the text if it contains a colon",
        ),
    ],
)
def test_a_service_is_refused(service: str, message: str) -> None:
    assert problem(f"services:\n  web: {service}\n") == f"compose.yaml:{message}"


def test_names_of_networks_and_models_are_checked() -> None:
    assert "networks: 'a/b' is not a valid name" in problem("networks: {a/b: {}}\n")
    assert "models: 'a b' is not a valid name" in problem("models: {'a b': {model: m}}\n")


def test_extension_keys_are_accepted_everywhere() -> None:
    check(
        document(
            "x-a: {b: [1]}\n"
            "services: {web: {x-b: 1, pre_start: [{x-c: 1}]}}\n"
            "jobs: {seed: {x-d: 1, triggers: {manual: yes, x-e: 1}}}\n"
        ),
        PROJECT,
    )


def test_an_extension_key_is_no_trigger() -> None:
    assert problem("jobs: {seed: {triggers: {x-a: 1}}}\n") == (
        "compose.yaml:1:25: jobs.seed.triggers: `manual` or `schedule` is missing"
    )
