"""What the schema cannot express is checked on the merged model."""

from __future__ import annotations

import pytest

from policyd.compose.phases.validation import long_texts, validate
from policyd.errors import ComposeError
from tests.support.cases import cases
from tests.support.compose_projects import document


@cases(
    ("text", "message"),
    [
        (
            "volumes: {a: {external: true, driver: d}}",
            "1:39: volumes.a: an external volume cannot have `driver`",
        ),
        (
            "configs: {a: {file: f, content: c}}",
            "1:14: configs.a: file and content are mutually exclusive",
        ),
        ("secrets: {a: {name: n}}", "1:14: secrets.a: one of file, environment is required"),
        (
            "services: {a: {ports: [{host_ip: x}]}}",
            "1:34: services.a.ports: 'x' is not an IP address",
        ),
        (
            "services: {a: {develop: {watch: [{path: ''}]}}}",
            "1:41: services.a.develop.watch: the path is empty",
        ),
        (
            "services: {a: {gpus: [{count: 1, device_ids: ['0']}]}}",
            "1:23: services.a: `count` and `device_ids` are mutually exclusive",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as error:
        validate(document(text))

    assert str(error.value) == f"compose.yaml:{message}"


@cases("place", ["jobs: {a: %s}", "services: {a: {pre_start: [%s]}}"])
def test_requests_and_ports_of_jobs_and_hooks_are_not_checked(place: str) -> None:
    validate(document(place % "{gpus: [{count: 1, device_ids: ['0']}], ports: [{host_ip: x}]}"))


def test_long_texts_of_every_container_are_counted() -> None:
    text = "{command: %s, extra_hosts: ['a=1,2,3']}" % ("c" * 40)
    root = document(f"services: {{a: {{pre_start: [{text}]}}}}\njobs: {{b: {text}}}\n")

    assert [steps for _, steps in long_texts(root)] == [10, 2, 10, 2]
