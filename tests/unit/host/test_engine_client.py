from __future__ import annotations

import pytest

from policyd.host.engine_client import EngineClient, EngineUnavailable


@pytest.fixture
def client(engine):
    return EngineClient(engine.path)


def test_what_the_daemon_describes_is_read(client, engine):
    engine.documents |= {
        "/containers/a/b/json": {"Id": "1"},
        "/images/acme/app@sha256:1/json": {"Id": "2"},
        "/volumes/v": {"Name": "v"},
        "/info": {"DefaultRuntime": "runc"},
        "/containers/json": [{"Id": "1"}, {"Id": "2"}],
    }

    container, image, volume = (
        client.container("a/b"),
        client.image("acme/app@sha256:1"),
        client.volume("v"),
    )

    assert container is not None
    assert image is not None
    assert volume is not None
    assert (container.text("Id"), image.text("Id"), volume.text("Name")) == ("1", "2", "v")
    assert (client.default_runtime(), client.running({"a": "b=c"})) == ("runc", ["1", "2"])
    assert engine.asked[-1] == (
        '/containers/json?filters={"status": ["running", "paused", "restarting"], '
        '"label": ["a=b=c"]}'
    )


def test_what_is_not_there_is_none(client):
    assert (client.container("x"), client.image("x"), client.volume("x")) == (None, None, None)


def test_a_name_cannot_leave_its_place_in_the_path(client, engine):
    client.container("../info?x=")

    assert engine.asked == ["/containers/../info?x=/json"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("{", "the Docker daemon did not answer with JSON"), ("[]", "did not answer with an object")],
)
def test_an_answer_of_another_form_is_an_error(client, engine, sent, expected):
    engine.documents["/volumes/v"] = sent

    with pytest.raises(EngineUnavailable, match=expected):
        client.volume("v")


def test_a_daemon_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(EngineUnavailable, match=r"cannot be asked at .*: No such file"):
        EngineClient(str(tmp_path / "none.sock")).running({})
