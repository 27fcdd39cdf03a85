from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from policyd.audit.deferred import DeferredDecisions
from policyd.audit.event import event_of
from policyd.config import Settings
from policyd.model import Location, UserInfo
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from policyd.workloads.image_configs import ImageRequest, ImagesRead
from tests.support.cases import cases

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
ALL_GPUS = (
    "services:\n  train:\n    image: acme/train:1\n    gpus:\n      - driver: nvidia\n"
    "        count: all\n"
)
TWO_GPUS = (
    "name: train\nservices:\n  train:\n    image: acme/train:1\n    gpus:\n"
    "      - driver: nvidia\n        device_ids: ['0', '1']\n"
)


def tar(files: dict[str, str], mode: str = "w", *, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        if link:
            member = tarfile.TarInfo("compose.override.yaml")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return buffer.getvalue()


def refusal(response) -> tuple[int, str, str]:
    """The code, reason and message of a Status; nothing in it may read as an allow."""
    body = response.json
    assert (body["apiVersion"], body["kind"], body["status"]) == (
        "policyd/v1",
        "Status",
        "Failure",
    )
    assert body["code"] == response.status_code
    assert b"allowed" not in response.data.replace(b"not allowed", b"")
    assert b"Traceback" not in response.data
    return body["code"], body["reason"], body["message"]


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_denial_says_which_line_breaks_which_rule_and_how_to_mend_it(client, envelope):
    source = {"repository": "acme/train", "environment": "prod", "host": "gpu-01"}
    asked = envelope({"compose.yaml": ALL_GPUS}, source=source)

    response = client.post("/v1/review", json=asked)

    assert response.status_code == 200
    assert (response.json["apiVersion"], response.json["kind"]) == ("policyd/v1", "ComposeReview")
    answer = response.json["response"]
    assert (answer["uid"], answer["allowed"]) == ("u-1", False)
    assert answer["status"] == {
        "code": 403,
        "reason": "Forbidden",
        "message": "1 policy denies: no-all-gpus (compose.yaml:6:16)",
    }
    (violation,) = answer["violations"]
    assert violation["policy"] == violation["constraint"] == "no-all-gpus"
    assert (violation["enforcementAction"], violation["severity"]) == ("deny", "high")
    assert violation["path"] == ["services", "train", "gpus", 0, "count"]
    assert violation["location"] == {"file": "compose.yaml", "line": 6, "column": 16}
    assert violation["message"]
    assert violation["remediation"]
    assert [grant["devices"] for grant in answer["grants"]] == ["all"]
    assert answer["engine"] == "embedded"
    assert answer["policySet"]["revision"].startswith("sha256:")
    assert set(answer) == {
        "uid", "allowed", "status", "violations", "warnings", "exempted", "grants",
        "notEvaluated", "images", "auditAnnotations", "policySet", "engine", "decisionId",
        "project", "bundleDigest", "composeVersion",
    }  # fmt: skip


def test_an_allow_is_recorded_with_its_grants(client, envelope, services):
    source = {"repository": "acme/train", "environment": "prod", "host": "gpu-01"}
    asked = envelope({"compose.yaml": TWO_GPUS}, source=source)

    answer = client.post("/v1/review", json=asked).json["response"]

    assert answer["allowed"] is True
    assert answer["status"] == {"code": 200, "reason": "OK", "message": "no policy denies"}
    event = event_of(services.audit.decision(answer["decisionId"]))
    assert event.result.allowed
    assert event.input.project.files == ("compose.yaml",)
    assert event.input.review.enforcement_point == "webhook"
    assert event.input.review.operation == "CREATE"
    (grant,) = services.audit.grants()
    assert (grant.project, grant.service, grant.devices) == ("train", "train", ("0", "1"))
    assert (grant.repository, grant.environment, grant.host) == ("acme/train", "prod", "gpu-01")


def test_a_denial_is_recorded_too(post, services):
    answer = post(ALL_GPUS, "?repository=acme/train").json["response"]

    (record,) = services.audit.decisions(allowed=False, policy="no-all-gpus")
    assert event_of(record).decision_id == answer["decisionId"]
    assert services.audit.grants(active=False) == []


def test_a_dry_run_and_a_check_grant_nothing(client, post, envelope, services):
    dry = envelope({"compose.yaml": TWO_GPUS}, dryRun=True)
    assert client.post("/v1/review", json=dry).json["response"]["allowed"]
    assert post(TWO_GPUS, "?operation=CHECK").json["response"]["allowed"]
    assert post(TWO_GPUS, "?dryRun=true").json["response"]["allowed"]

    assert services.audit.grants(active=False) == []
    events = [event_of(record) for record in services.audit.decisions()]
    assert [(e.input.review.operation, e.input.review.dry_run) for e in events] == [
        ("CREATE", True),
        ("CHECK", False),
        ("CREATE", True),
    ]


def test_delete_releases_what_was_granted(post, services):
    post(TWO_GPUS, "?repository=acme/train&host=gpu-01")
    post(TWO_GPUS, "?repository=acme/train&host=gpu-01&operation=DELETE")

    assert [grant.state for grant in services.audit.grants(active=False)] == ["released"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: [", "compose.yaml:"),
        ("services:\n  - web\n", "compose.yaml:"),
        ("services:\n  web:\n    image: x\n    imagee: y\n", "compose.yaml:"),
        ("services:\n  web:\n    image: x\n    gpus:\n      - count: many\n", "compose.yaml:"),
        ("services:\n  web:\n    image: x\n    env_file: gone.env\n", "gone.env"),
        (
            "services:\n  web:\n    extends: {file: ../../etc/passwd, service: a}\n",
            "/etc/passwd",
        ),
    ],
)
def test_a_project_that_compose_would_refuse_is_a_denial_and_no_http_error(
    post, services, text, message
):
    response = post(text)

    assert response.status_code == 200
    answer = response.json["response"]
    assert (answer["allowed"], answer["status"]["code"]) == (False, 422)
    where = Location(**answer["status"]["location"])
    assert where.line > 0
    assert answer["status"]["message"].startswith(f"{where}: ")
    assert message in answer["status"]["message"]
    assert event_of(services.audit.decisions()[0]).result.status.code == 422


def test_fail_turns_a_denial_into_403_and_nothing_else(post):
    denied = post(ALL_GPUS, "?fail=true")
    refused_by_compose = post("services: [", "?fail=true")

    assert (denied.status_code, denied.json["response"]["allowed"]) == (403, False)
    assert refused_by_compose.status_code == 403
    assert post(CLEAN, "?fail=true").status_code == 200
    assert post(ALL_GPUS, "?fail=false").status_code == 200


def test_the_source_comes_from_the_query_where_the_body_is_no_json(post, services):
    post(
        CLEAN,
        "?repository=acme/train&ref=refs/heads/main&commit=c0ffee&environment=prod&host=gpu-01"
        "&uid=job-7&user=alice&name=shop",
    )

    event = event_of(services.audit.decisions()[0])
    source = event.input.review.source
    assert (source.repository, source.ref, source.commit) == (
        "acme/train",
        "refs/heads/main",
        "c0ffee",
    )
    assert (source.environment, source.host) == ("prod", "gpu-01")
    assert event.input.review.uid == "job-7"
    assert event.input.review.user_info == UserInfo("alice")
    assert event.input.project.name == "shop"


# --- bodies ---------------------------------------------------------------------------------------


def test_json_names_files_order_environment_and_project(client, envelope):
    files = {
        "base.yaml": "services:\n  train:\n    image: acme/train:${TAG}\n",
        "sub/prod.yaml": "services:\n  train:\n    privileged: ${PRIVILEGED}\n",
        "values.env": "PRIVILEGED=true\nTAG=0\n",
    }
    project = {
        "name": "shop",
        "composeFiles": ["base.yaml", "sub/prod.yaml"],
        "envFiles": ["values.env"],
        "env": {"TAG": "1"},
    }

    answer = client.post("/v1/review", json=envelope(files, project=project)).json["response"]

    assert answer["project"] == "shop"
    assert [violation["policy"] for violation in answer["violations"]] == ["no-privileged"]
    assert answer["violations"][0]["location"]["file"] == "sub/prod.yaml"


@cases("kind", ["application/yaml", "application/x-yaml", "text/yaml"])
def test_a_bare_yaml_body_is_the_compose_file(client, kind):
    response = client.post("/v1/review", data=ALL_GPUS, content_type=f"{kind}; charset=utf-8")

    assert response.json["response"]["violations"][0]["location"]["file"] == "compose.yaml"


def test_every_profile_is_judged(post):
    hidden = ALL_GPUS.replace("image:", "profiles: [night]\n    image:")

    assert post(hidden).json["response"]["allowed"] is False


def test_a_form_sends_several_files(client):
    form = {
        "file": [
            (io.BytesIO(CLEAN.encode()), "compose.yaml"),
            (io.BytesIO(b"services:\n  web:\n    privileged: true\n"), "compose.override.yaml"),
        ]
    }

    answer = client.post("/v1/review?repository=acme/web", data=form).json["response"]

    assert [violation["policy"] for violation in answer["violations"]] == ["no-privileged"]
    assert answer["violations"][0]["location"]["file"] == "compose.override.yaml"


@cases(
    ("kind", "mode"),
    [("application/x-tar", "w"), ("application/gzip", "w:gz"), ("application/x-gzip", "w:gz")],
)
def test_an_archive_sends_a_whole_project(client, kind, mode):
    files = {"app/compose.yaml": "include: [gpu.yaml]\n", "app/gpu.yaml": ALL_GPUS}

    response = client.post("/v1/review", data=tar(files, mode), content_type=kind)

    assert response.json["response"]["violations"][0]["location"] == {
        "file": "gpu.yaml",
        "line": 6,
        "column": 16,
    }


def test_compose_files_of_an_archive_can_be_named(client):
    data = tar({"a/prod.yaml": ALL_GPUS, "b/test.yaml": CLEAN})

    response = client.post(
        "/v1/review?composeFiles=b/test.yaml", data=data, content_type="application/x-tar"
    )
    assert response.json["response"]["allowed"] is True


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"operation": "DEPLOY"}, "$.request.operation"),
        ({"dryRun": "yes"}, "$.request.dryRun"),
        ({"dryrun": True}, "$.request"),
        ({"source": {"repo": "acme/train"}}, "$.request.source"),
        ({"enforcementPoint": "daemon"}, "$.request"),
        ({"project": {"files": ["a"]}}, "$.request.project.files"),
        ({"project": {"files": {"a": 1}}}, "$.request.project.files[...]"),
        ({"project": {"composeFiles": "a"}}, "$.request.project.composeFiles"),
        ({"project": {"env": {"A": None}}}, "$.request.project.env[...]"),
    ],
)
def test_json_of_a_wrong_type_or_with_an_unknown_field_is_named_by_its_path(
    client, envelope, services, change, path
):
    code, reason, said = refusal(client.post("/v1/review", json=envelope(**change)))

    assert (code, reason) == (400, "BadRequest")
    assert said.startswith("the body is not a ComposeReview: ")
    assert f"`{path}`" in said
    assert services.audit.decisions() == []


@cases(
    ("env", "message"),
    [
        ({"A=B": "hunter2"}, "env: 'A=B' is not the name of a variable"),
        ({"": "hunter2"}, "env: '' is not the name of a variable"),
        ({"A\0": "hunter2"}, "env: 'A\\x00' is not the name of a variable"),
        ({"A": "hunter2\0"}, "env: the value of 'A' has a NUL character"),
    ],
)
def test_a_variable_that_no_environment_can_have_is_refused(client, envelope, env, message):
    asked = envelope(project={"files": {"compose.yaml": CLEAN}, "env": env})
    assert refusal(client.post("/v1/review", json=asked)) == (400, "BadRequest", message)


@cases(
    ("change", "message"),
    [
        (
            {"operation": "create"},
            "expected CHECK, CREATE, DELETE or UPDATE, got 'create' - at `$.request.operation`",
        ),
        (
            {"project": {"missing": "a` - at `$.kind"}},
            "expected error or unknown, got 'a` - at `$.kind' - at `$.request.project.missing`",
        ),
    ],
)
def test_a_value_that_is_none_of_a_few_is_answered_with_these(client, envelope, change, message):
    said = refusal(client.post("/v1/review", json=envelope(**change)))[2]
    assert said == f"the body is not a ComposeReview: {message}"


@cases(
    ("body", "message"),
    [
        (b"", "the body is not a ComposeReview: "),
        (b"{", "the body is not a ComposeReview: "),
        (b"[]", "the body is not a ComposeReview: "),
        (b"{}", "the body is not a ComposeReview: "),
        (
            b'{"services": {}}',
            "the body is not a ComposeReview: Object contains unknown field `services`; send a "
            "Compose file as application/yaml",
        ),
        (b'{"\xff": 1}', "the body is not a ComposeReview: "),
        (b'{"request":' * 100_000, "the body is not a ComposeReview: "),
        (b'{"kind": "\\ud800"}', "the body is not a ComposeReview: "),
        (
            json.dumps({"apiVersion": "policyd/v2", "kind": "ComposeReview"}).encode(),
            "the body is not a ComposeReview: expected policyd/v1, got 'policyd/v2' - at ",
        ),
    ],
)
def test_a_body_that_is_no_review_is_refused(client, body, message):
    code, _, said = refusal(client.post("/v1/review", data=body, content_type="application/json"))

    assert code == 400
    assert said.startswith(message)


@cases(
    ("query", "message"),
    [
        (
            "?repositry=acme/x",
            "unknown query parameter 'repositry'; did you mean repository?",
        ),
        ("?enforcementPoint=daemon", "unknown query parameter 'enforcementPoint'"),
        ("?host=a&host=b", "the query parameter host is given 2 times"),
        ("?repository=a%0Ab", "source.repository has an unprintable character: 'a\\nb'"),
        (f"?host={'h' * 301}", "source.host has 301 bytes; the limit is 300"),
        (f"?user={'é' * 151}", "userInfo.username has 302 bytes; the limit is 300"),
        (f"?operation=DELETE&name={'p' * 301}", "name has 301 bytes; the limit is 300"),
        ("?operation=DELETE&name=a%00b", "name has an unprintable character: 'a\\x00b'"),
        ("?host=%00", "source.host has an unprintable character: '\\x00'"),
        (
            "?ref=" + "a" * 1025,
            "source.ref has 1,025 characters; the limit is 1,024",
        ),
    ],
)
def test_a_query_that_is_not_right_is_refused(post, query, message):
    assert refusal(post(CLEAN, query)) == (400, "BadRequest", message)


@cases(
    ("query", "message"),
    [
        ("?fail=maybe", "invalid query: fail: expected true or false"),
        (
            "?operation=deploy",
            "invalid query: operation: expected CHECK, CREATE, DELETE or UPDATE",
        ),
    ],
)
def test_a_parameter_of_a_wrong_type_is_refused_by_its_name(post, query, message):
    assert refusal(post(CLEAN, query)) == (400, "BadRequest", message)


def test_json_takes_only_fail_as_a_query(client, envelope):
    response = client.post("/v1/review?repository=acme/train", json=envelope())

    assert refusal(response)[2] == (
        "the query parameter repository is not for JSON; write it into the body"
    )
    assert client.post("/v1/review?fail=true", json=envelope()).status_code == 200


@cases("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_type_of_body_is_refused_and_the_right_ones_are_named(client, kind):
    response = client.post("/v1/review", data=CLEAN, content_type=kind)

    code, reason, message = refusal(response)
    assert (code, reason) == (415, "UnsupportedMediaType")
    assert message.startswith(f"the Content-Type is {kind or 'missing'}; supported are ")
    assert "application/yaml" in message


def test_a_compressed_body_is_refused(client):
    response = client.post(
        "/v1/review",
        data=b"x",
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )
    assert refusal(response)[:2] == (415, "UnsupportedMediaType")


@cases(
    ("archive", "message"),
    [
        (tar({"../compose.yaml": CLEAN}), "'../compose.yaml': the name has a '..'"),
        (tar({"/etc/compose.yaml": CLEAN}), "'/etc/compose.yaml': the name is absolute"),
        (
            tar({"compose.yaml": CLEAN}, link="/etc/passwd"),
            "'compose.override.yaml': links are not allowed; it points to '/etc/passwd'",
        ),
        (b"no archive", "the body is not a tar or tar.gz archive"),
        (
            tar({"compose.yaml": CLEAN})[:600],
            "the body is not a tar or tar.gz archive: unexpected end",
        ),
    ],
)
def test_an_archive_that_leaves_its_folder_or_links_is_refused(client, archive, message):
    response = client.post("/v1/review", data=archive, content_type="application/x-tar")

    code, _, said = refusal(response)
    assert code == 400
    assert said.startswith(message)


@cases(
    ("form", "message"),
    [
        ({}, "the form has no file"),
        ({"text": "x"}, "the part 'text' of the form is not a file; it needs a file name"),
        (
            {"upload": (io.BytesIO(b"x"), "compose.yaml")},
            "unknown part 'upload' in the form; files are parts named 'file'",
        ),
        (
            {"file": [(io.BytesIO(b"x"), "a.yaml"), (io.BytesIO(b"y"), "a.yaml")]},
            "duplicate file name 'a.yaml' in the form",
        ),
        ({"file": (io.BytesIO(b"x"), "../a.yaml")}, "'../a.yaml': the name has a '..'"),
    ],
)
def test_a_form_that_is_not_right_is_refused(client, form, message):
    response = client.post("/v1/review", data=form, content_type="multipart/form-data")

    code, _, said = refusal(response)
    assert code == 400
    assert said.startswith(message)


def test_a_form_with_too_many_parts_is_refused(client):
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f%d"\r\n\r\n\r\n'
    form = b"".join(part % number for number in range(1002)) + b"--b--\r\n"
    response = client.post("/v1/review", data=form, content_type="multipart/form-data; boundary=b")
    assert refusal(response)[::2] == (413, "the form has more than 1000 parts")


def test_a_form_that_is_cut_off_is_refused(client):
    whole = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="compose.yaml"\r\n\r\n'
        + CLEAN.encode()
        + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="c2.yaml"\r\n\r\nx'
    )
    response = client.post("/v1/review", data=whole, content_type="multipart/form-data; boundary=b")
    assert refusal(response)[0] == 400


def test_a_project_without_a_compose_file_is_refused(client, envelope):
    code, reason, message = refusal(client.post("/v1/review", json=envelope({"a.txt": "x"})))

    assert (code, reason) == (400, "BadRequest")
    assert "compose.yaml" in message


def test_a_file_over_4_mib_is_denied_when_the_project_uses_it(client, envelope):
    large = "#" * (4 * 1024 * 1024 + 1)
    used, unused = (
        client.post("/v1/review", json=envelope(files)).get_json()["response"]
        for files in (
            {"compose.yaml": large},
            {"compose.yaml": "services: {web: {image: 'x@sha256:1'}}", "weights.bin": large},
        )
    )

    assert not used["allowed"]
    assert used["status"] == {
        "code": 422,
        "reason": "Invalid",
        "message": "compose.yaml: the file has 4,194,305 bytes; the limit is 4 MiB",
    }
    assert unused["allowed"]


def test_a_body_of_100_mb_is_refused_by_its_length_before_it_is_read(client):
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

        readinto = read  # type: ignore[assignment]

    response = client.post(
        "/v1/review",
        content_type="application/yaml",
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": "100000000"},
    )
    assert refusal(response) == (
        413,
        "RequestEntityTooLarge",
        "request body too large: 100,000,000 bytes; the limit is 33,554,432",
    )


@pytest.mark.parametrize("kind", ["application/yaml", "application/json", "application/x-tar"])
def test_a_body_without_a_length_is_refused_when_it_passes_the_limit_and_never_cut(make, kind):
    """What is behind the cut could be what a policy denies."""
    hidden = CLEAN + "#" * 2000 + "\n    privileged: true\n"
    client = make(max_body=1024)

    response = client.post(
        "/v1/review",
        input_stream=io.BytesIO(hidden.encode()),
        content_type=kind,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert refusal(response) == (
        413,
        "RequestEntityTooLarge",
        "request body too large: more than 1,024 bytes",
    )


def test_a_form_over_the_limit_is_refused(make):
    form = {"file": (io.BytesIO(b"#" * 2000), "compose.yaml")}

    response = make(max_body=1024).post("/v1/review", data=form)
    assert refusal(response)[:2] == (413, "RequestEntityTooLarge")


# --- what fails is never an allow -----------------------------------------------------------------


def test_a_decision_that_cannot_be_recorded_is_no_answer(post, audit_path):
    with closing(sqlite3.connect(audit_path)) as other, other:
        other.execute("DROP TABLE heads")

    assert refusal(post(CLEAN)) == (
        503,
        "ServiceUnavailable",
        f"the audit log {audit_path} cannot be written: no such table: heads",
    )


def test_an_engine_that_fails_is_a_denial(post, services, monkeypatch):
    admission = services.rules.admissions()[0]
    monkeypatch.setattr(admission, "_relevance", None)  # what it knows needs no engine
    monkeypatch.setattr(admission.engine, "_deadline", -1.0)

    answer = post(ALL_GPUS).json["response"]

    assert (answer["allowed"], answer["status"]["code"]) == (False, 500)
    assert event_of(services.audit.decisions()[0]).result.allowed is False


def test_configurations_of_images_are_part_of_the_question(client, envelope):
    configs = {"acme/train:1": {"Env": ["NVIDIA_VISIBLE_DEVICES=all"], "Cmd": ["x"]}}
    files = {"compose.yaml": "services:\n  train:\n    image: acme/train:1\n"}

    answer = client.post("/v1/review", json=envelope(files, imageConfigs=configs)).json
    assert [grant["method"] for grant in answer["response"]["grants"]] == ["image"]
    without = client.post("/v1/review", json=envelope(files)).json
    assert without["response"]["grants"] == []

    code, reason, said = refusal(
        client.post("/v1/review", json=envelope(files, imageConfigs={"a": {"Env": "x"}}))
    )
    assert (code, reason) == (400, "BadRequest")
    assert said.startswith("imageConfigs: ")


# --- names, keys, releases ------------------------------------------------------------------------


@cases("name", ["ml/../ops", "ml/", "/ml", "ml//a", "ml/a ", " ml/a", "ml/./a", "..", "ml/ a"])
@cases("field", ["repository", "environment", "host"])
def test_a_name_that_reads_otherwise_elsewhere_is_refused(client, field: str, name: str) -> None:
    """Globs compare names as they are written; who resolves them may arrive at another one."""
    response = client.post(
        "/v1/review", data=CLEAN, content_type="application/yaml", query_string={field: name}
    )

    assert refusal(response) == (
        400,
        "BadRequest",
        f"source.{field} is {name!r}; write it without blanks at its ends, '.', '..' and '//'",
    )


@cases(
    "body",
    [
        '{"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": {"project": {}}, '
        '"request": {"project": {"files": {"compose.yaml": "services: {}"}}}}',
        '{"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": {"project": {"files": '
        '{"compose.yaml": "services: {}", "compose\\u002eyaml": "services: {a: {image: b}}"}}}}',
    ],
    ids=["the same", "escaped"],
)
def test_a_duplicate_key_is_refused(client, body: str) -> None:
    response = client.post("/v1/review", data=body, content_type="application/json")

    key = "request" if "u002e" not in body else "compose.yaml"
    assert refusal(response) == (
        400,
        "BadRequest",
        f"the body is not a ComposeReview: duplicate key {key!r}",
    )


def granted(services) -> list[str]:
    return [grant.project for grant in services.audit.grants()]


@pytest.mark.parametrize(
    "files", [{}, {"compose.yaml": "services: {a: {image: x, nonsense: 1}}"}], ids=["none", "bad"]
)
def test_a_delete_releases_the_grants_of_a_named_project_without_its_files(
    client, envelope, services, files
) -> None:
    client.post("/v1/review", json=envelope({"compose.yaml": TWO_GPUS}))
    assert granted(services) == ["train"]

    asked = envelope(files, operation="DELETE")
    asked["request"]["project"]["name"] = "train"
    answer = client.post("/v1/review", json=asked).get_json()["response"]

    assert (answer["allowed"], answer["project"]) == (True, "train")
    assert answer["status"]["message"] == (
        "the grants of the project are released; no policy is evaluated"
    )
    assert granted(services) == []


def test_a_delete_needs_no_body(client, services) -> None:
    client.post("/v1/review", data=TWO_GPUS, content_type="application/yaml")

    answer = client.post("/v1/review?operation=DELETE&name=train").get_json()["response"]

    assert (answer["allowed"], granted(services)) == (True, [])


def test_a_delete_is_allowed_whatever_the_policies_say(client, services) -> None:
    privileged = "name: train\nservices:\n  a:\n    image: x\n    privileged: true\n"

    answer = client.post(
        "/v1/review?operation=DELETE", data=privileged, content_type="application/yaml"
    ).get_json()["response"]

    assert (answer["allowed"], answer["project"], answer["violations"]) == (True, "train", [])


def test_a_delete_of_a_project_whose_name_is_not_known_is_refused(client) -> None:
    response = client.post(
        "/v1/review?operation=DELETE",
        data="services: {a: {image: x, nonsense: 1}}",
        content_type="application/yaml",
    )

    code, reason, message = refusal(response)
    assert (code, reason) == (400, "BadRequest")
    assert message.endswith(
        "so its name is not known; a DELETE needs no files if it names the project"
    )


class SlowImages:
    """Reads no image, and takes longer than a review may."""

    def read(self, wanted: Collection[ImageRequest]) -> ImagesRead:
        time.sleep(1.1)
        return ImagesRead({}, {})


def test_a_review_that_takes_too_long_is_504_and_is_not_recorded(make, services):
    settings = Settings(audit=services.settings.audit, review_timeout=1)
    app = create_app(replace(services, settings=settings, images=SlowImages()))

    response = app.test_client().post(
        "/v1/review", data="services: {web: {image: a}}", content_type="application/yaml"
    )

    assert (response.status_code, response.json["reason"]) == (504, "Timeout")
    assert response.headers["Retry-After"] == "1"
    assert response.json["message"] == (
        "the review took too long; nothing was decided: try again later"
    )
    assert services.audit.decisions() == []
    app.extensions[PUSH_REVIEWS].close()


def test_variables_may_be_parameters_of_archives_forms_and_yaml(client, services):
    text = "services:\n  web:\n    image: nginx:${TAG}\n    privileged: ${P}\n"
    query = "?env=TAG=1.27=a&env=P=true&env=EMPTY="
    bodies = [
        {"data": text, "content_type": "application/yaml"},
        {"data": tar({"compose.yaml": text}), "content_type": "application/x-tar"},
        {"data": {"file": (io.BytesIO(text.encode()), "compose.yaml")}},
    ]

    for body in bodies:
        response = client.post(f"/v1/review{query}", **body).json["response"]
        assert [one["policy"] for one in response["violations"]] == ["no-privileged"]
        assert response["notEvaluated"] == []


@cases(
    ("query", "message"),
    [
        ("?env=s3cret", "the query parameter env number 1 is not NAME=VALUE"),
        ("?env=A=1&env==s3cret", "the query parameter env number 2 is not NAME=VALUE"),
        ("?env=A=1&env=A=s3cret", "the query parameter env sets 'A' twice"),
        ("?missing=maybe", "invalid query: missing: expected error or unknown"),
    ],
)
def test_variables_that_are_not_valid_are_refused_without_their_value(post, query, message):
    response = post(query=query)

    assert (response.status_code, response.json["message"]) == (400, message)


def test_what_is_absent_is_an_error_or_unknown(post, client, envelope):
    text = (
        f"{CLEAN}    env_file: [a.env]\n    user: ${{WHO:?say who}}\n"
        "    working_dir: ${X:?}/${X-d}\n"
    )

    assert post(text).json["response"]["status"]["code"] == 422
    unknown = post(text, "?missing=unknown&envFiles=b.env").json["response"]
    asked = envelope({"compose.yaml": text}, project={"missing": "unknown"})
    as_json = client.post("/v1/review", json=asked).json["response"]

    assert unknown["status"]["code"] == as_json["status"]["code"] == 200
    assert [(one["kind"], one["what"]) for one in unknown["notEvaluated"]] == [
        ("env-file", "b.env"),
        ("env-file", "a.env"),
        ("variable", "${WHO}"),
        ("variable", "${X}"),
    ]
    assert [(one["kind"], one["what"]) for one in as_json["notEvaluated"]] == [
        ("env-file", "a.env"),
        ("variable", "${WHO}"),
        ("variable", "${X}"),
    ]


@cases(
    ("accept", "is_text"),
    [
        ("text/plain", True),
        ("text/plain, application/json;q=0.5", True),
        ("text/*", True),
        ("*/*", False),
        ("application/json", False),
        ("", False),
        ("image/png", False),
    ],
)
def test_the_answer_is_the_text_of_check_on_request(post, accept, is_text):
    response = post(ALL_GPUS, "?fail=true", headers={"Accept": accept})

    assert response.status_code == 403
    assert (response.mimetype == "text/plain") is is_text
    if is_text:
        assert response.text.startswith(
            "DENIED  .: 1 violation\n\ncompose.yaml:6:16: denied: service train"
        )
        assert "6 |         count: all\n" in response.text


# --- failure policy -------------------------------------------------------------------------------


def test_a_client_whose_policy_is_ignore_gets_a_decision_while_the_log_is_away(
    services, token, envelope, tmp_path
):
    path = Path(services.settings.audit)
    settings = Settings(
        audit=str(path),
        tokens={"a": token(failure_policy="Ignore"), "b": token("other", owner="b")},
    )
    deferred = DeferredDecisions(tmp_path / "waiting")
    app = create_app(replace(services, settings=settings, deferred=deferred))
    client = app.test_client()
    document = envelope(uid="u-1", operation="CREATE", source={"repository": "acme/a"})

    def ask(bearer: str):
        return client.post(
            "/v1/review", json=document, headers={"Authorization": f"Bearer {bearer}"}
        )

    path.rename(tmp_path / "away")
    answer, refused = ask("ci-token"), ask("other")
    unknown = ask("nobody")
    path.unlink(missing_ok=True)
    (tmp_path / "away").rename(path)

    assert (answer.status_code, refused.status_code, unknown.status_code) == (200, 503, 401)
    assert answer.json["response"]["allowed"] is True
    (warning,) = answer.json["response"]["warnings"]
    assert warning.startswith("the decision is recorded later: the audit log ")
    ready = client.get("/readyz").json
    assert ready["warnings"] == ["deferred decisions that are not recorded yet: 1"]
    assert deferred.record(services.audit) == 1
    assert services.audit.decision(answer.json["response"]["decisionId"]).sequence == 1
    app.extensions[PUSH_REVIEWS].close()
