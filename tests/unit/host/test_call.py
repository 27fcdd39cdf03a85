from __future__ import annotations

import json

import pytest

from policyd.errors import RequestError
from policyd.host.call import read_call, read_uri
from tests.support.cases import cases
from tests.support.daemon_requests import envelope, recorded

CREATE = "/containers/create"


@cases(
    ("uri", "version"),
    [
        ("/v1.41/containers/create", (1, 41)),
        ("/containers/create", ()),
        ("/v1.12/containers/create", (1, 12)),
        ("/v1.41/containers/%63reate", (1, 41)),
        ("/v1%2e41/containers/create", (1, 41)),
        ("/v1.41/containers%2Fcreate", (1, 41)),
        ("/v1.41//containers/./create/", (1, 41)),
        ("/v1.41/images/../containers/create", (1, 41)),
        ("http://docker/v1.41/containers/create", (1, 41)),
        ("http://user@host:80/v1.41/containers/create?name=x", (1, 41)),
        ("x:/v1.41/containers/create", (1, 41)),
        ("//v1.41/containers/create", (1, 41)),
    ],
)
def test_every_spelling_of_a_path_is_the_same_path(uri, version):
    path, found, _ = read_uri(uri)

    assert (path, found) == (CREATE, version)


def test_a_path_is_decoded_once():
    assert read_uri("/containers/%2563reate")[0] == "/containers/%63reate"


def test_the_first_value_of_a_name_in_the_query_counts():
    assert read_uri("/build?networkmode=host&networkmode=none&t=")[2] == {
        "networkmode": "host",
        "t": "",
    }


@cases("uri", ["", "containers/create", "http:opaque", "/%ff", "*"])
def test_a_uri_that_has_no_absolute_path_is_refused(uri):
    with pytest.raises(RequestError):
        read_uri(uri)


def test_a_recorded_request_is_read():
    sent = json.dumps(recorded()["envelopes"]["cli-tls-user-alice.envelope"]).encode()
    call = read_call(sent)

    assert (call.method, call.path, call.user) == ("POST", CREATE, "alice")
    assert json.loads(call.body)["Image"] == "local/busybox:1.0"


def test_no_header_says_who_asks():
    sent = json.loads(envelope("/info"))
    sent["RequestHeaders"] |= {"Authz-User": "root", "Authorization": "Basic cm9vdDo="}

    assert read_call(json.dumps(sent).encode()).user == ""


def test_a_recorded_answer_has_its_status():
    name = "cli-create-plain.response-envelope"
    call = read_call(json.dumps(recorded()["envelopes"][name]).encode())

    assert (call.path, call.status) == (CREATE, 201)


def test_the_body_that_a_daemon_left_out_is_empty():
    name = "oversize-body-dropped-2010.envelope"
    call = read_call(json.dumps(recorded()["envelopes"][name]).encode())

    assert (call.body, call.query) == (b"", {"name": "big1"})


@cases("sent", [b"", b"{}", b"[]", b'{"RequestMethod":"POST"}', b"\xff"])
def test_an_envelope_of_another_form_is_refused(sent):
    with pytest.raises(RequestError, match="not understood"):
        read_call(sent)


def test_methods_that_change_nothing_are_reading():
    assert read_call(envelope("/info", method="get")).is_reading
    assert not read_call(envelope("/info", method="POST")).is_reading
