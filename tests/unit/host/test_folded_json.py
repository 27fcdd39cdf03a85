from __future__ import annotations

import pytest

from policyd.errors import RequestError
from policyd.host.folded_json import MAX_DEPTH, Fields, read_object
from tests.support.cases import cases


def refused(content: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        read_object(content)
    return str(caught.value)


@cases("key", ["HostConfig", "hostconfig", "HOSTCONFIG", "Ho\u017ftConfig"])
def test_keys_are_read_without_regard_to_case(key):
    content = f'{{"{key}":{{"privileged":true}}}}'.encode()

    assert read_object(content).object("HostConfig").flag("Privileged") is True


@cases(
    "key",
    ["HostCon\ufb01g", "Ho\ufb06Config", "H\u00f6stConfig", "HostC\u03bfnfig", "HostConfig\u0000"],
)
def test_a_key_that_go_ignores_is_ignored(key):
    fields = Fields({key: {"Privileged": False}, "Privileged": True})

    assert fields.has("HostConfig") is False


def test_a_kelvin_sign_is_a_k():
    assert read_object('{"Networ\u212aMode":"host"}'.encode()).text("NetworkMode") == "host"


@cases(
    ("content", "expected"),
    [
        (b'{"A":1,"A":2}', "'A': duplicate key in the body of the request"),
        (b'{"H":{"B":1,"B":1}}', "'B': duplicate key in the body of the request"),
        (b'{"A":1,"a":2}', "a: duplicate key, apart from its case"),
        (b'{"A":1} {"B":2}', "the body of the request is not valid JSON: line 1, column 9"),
        (b'\xef\xbb\xbf{"A":1}', "the body of the request is not valid JSON: line 1, column 1"),
        ('{"A":1}'.encode("utf-16"), "the body of the request is not valid Unicode"),
        (b'{"A":"\\ud800"}', "the body of the request is not valid Unicode"),
        (b'{"A":"\xff"}', "the body of the request is not valid Unicode"),
        (b'{"A":NaN}', "the body of the request is not valid JSON: it contains NaN"),
        (b"[1]", "the body of the request is not a JSON object"),
        (b"null", "the body of the request is not a JSON object"),
        (b'{"A":' + b"9" * 5000 + b"}", "the body of the request has a number that is too long"),
        (b'{"A":' + b"[" * 100_000, "the body of the request is nested too deeply"),
        (
            b'{"A":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
            "the body of the request is nested too deeply",
        ),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(content, expected):
    assert refused(content) == expected


def test_an_error_in_a_nested_object_names_its_path():
    fields = Fields({"HostConfig": {"Devices": [{"PathOnHost": 1}]}})

    with pytest.raises(RequestError, match=r"^HostConfig\.Devices\[0\]\.PathOnHost: expected a t"):
        fields.object("HostConfig").objects("Devices")[0].text("PathOnHost")


@cases(
    ("getter", "value", "expected"),
    [
        ("text", 1, "A: expected a text"),
        ("flag", "true", "A: expected true or false"),
        ("integer", 1.5, "A: expected a whole number"),
        ("integer", True, "A: expected a whole number"),
        ("texts", [1], "A: expected a list of texts"),
        ("pairs", {"a": 1}, "A: expected an object of texts"),
        ("object", [], "A: expected an object"),
        ("objects", [1], "A: expected a list of objects"),
        ("lists", [["a"], "b"], "A: expected a list of lists of texts"),
        ("keys", [], "A: expected an object"),
    ],
)
def test_a_value_of_another_type_is_refused(getter, value, expected):
    with pytest.raises(RequestError) as caught:
        getattr(Fields({"A": value}), getter)("A")
    assert str(caught.value) == expected


def test_null_and_missing_fields_are_empty():
    fields = Fields({"A": None})
    read = (fields.text, fields.flag, fields.integer, fields.texts, fields.pairs, fields.objects)

    assert [get("A") for get in read] == [get("B") for get in read] == ["", False, 0, [], {}, []]
    assert (fields.has("A"), fields.object("A").has("B"), fields.is_set("A")) == (False,) * 3


def test_keys_that_are_data_keep_their_case():
    fields = read_object(
        b'{"labels":{"A":"1","a":"2"},"PortBindings":{"80/TCP":[{"hostport":"1"}]}}'
    )

    assert fields.pairs("Labels") == {"A": "1", "a": "2"}
    [(key, bindings)] = fields.objects_by_key("PortBindings")
    assert (key, bindings[0].text("HostPort")) == ("80/TCP", "1")
