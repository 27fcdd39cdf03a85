from __future__ import annotations

import pytest

from policyd.errors import RequestError
from policyd.host.asked import Asked, names, numbered, project_of, variables
from policyd.model import ImageConfig
from tests.support.cases import cases

COMPOSE = {"com.docker.compose.project": "train", "com.docker.compose.service": "worker"}


def test_a_request_is_a_project_with_one_service():
    asked = Asked("train", "worker", {"image": "cuda:13"})
    loaded = asked.loaded(b"{}", ImageConfig(environment={"A": "1"}))

    [workload] = loaded.workloads
    assert (loaded.project.name, workload.title) == ("train", "service worker")
    assert workload.image_config == ImageConfig(environment={"A": "1"})
    assert loaded.digest == (
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


@cases(
    ("labels", "otherwise", "expected"),
    [
        (COMPOSE, "train-worker-1", ("train", "worker")),
        ({}, "/web", ("", "web")),
        ({}, "", ("", "container")),
        ({}, "/a/b", ("", "a-b")),
        ({**COMPOSE, "com.docker.compose.service": "/worker"}, "/web", ("", "web")),
        ({**COMPOSE, "com.docker.compose.service": "wor/ker"}, "/web", ("", "web")),
        ({**COMPOSE, "com.docker.compose.project": "train "}, "/web", ("", "web")),
        ({"com.docker.compose.project": "train"}, "/worker", ("", "worker")),
    ],
)
def test_names(labels, otherwise, expected):
    """A service that is written in another way would escape the count of its containers."""
    assert names(labels, otherwise) == expected


@cases(
    ("labels", "expected"),
    [(COMPOSE, "train"), ({}, ""), ({"com.docker.compose.project": "a b"}, "")],
)
def test_the_project_of_a_volume(labels, expected):
    assert project_of(labels) == expected


def test_names_that_are_too_long_are_refused():
    with pytest.raises(RequestError, match="more than 255 characters"):
        names({"com.docker.compose.project": "x" * 256}, "")
    with pytest.raises(RequestError, match=r"^the name has more than 255 characters$"):
        names({}, "x" * 257)


def test_the_last_value_of_a_variable_counts():
    assert variables(["A=1", "B", "A=2=3"]) == {"A": "2=3", "B": None}


def test_volumes_of_one_name_are_numbered():
    volumes: dict[str, object] = {}

    assert [numbered(volumes, "v", {}) for _ in range(3)] == ["v", "v (2)", "v (3)"]
