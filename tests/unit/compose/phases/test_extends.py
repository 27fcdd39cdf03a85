"""A service or job has what it extends, and its own values over it."""

from __future__ import annotations

from tests.support.compose_projects import project, refusal

_TRIGGERS = "triggers: {manual: true}"


def test_a_chain_over_two_files() -> None:
    found = project(
        "services:\n  web: {extends: {file: base.yaml, service: middle}, user: web}\n",
        {
            "base.yaml": "services:\n"
            "  base: {image: x, user: base, cap_add: [A]}\n"
            "  middle: {extends: base, cap_add: [A, B]}\n"
        },
    )

    service = found.tree["services"]["web"]
    assert (service["image"], service["user"], service["cap_add"]) == ("x", "web", ["A", "B"])


def test_a_job_extends_a_job_of_its_file_and_a_service_of_another() -> None:
    found = project(
        "jobs:\n"
        f"  base: {{image: x, {_TRIGGERS}}}\n"
        "  one: {extends: base, user: one}\n"
        f"  two: {{extends: {{file: base.yaml, service: base}}, {_TRIGGERS}}}\n",
        {
            "base.yaml": "services:\n  base: {image: y, privileged: true}\n"
            f"jobs:\n  job: {{image: z, {_TRIGGERS}}}\n"
        },
    )

    jobs = found.tree["jobs"]
    assert (jobs["one"]["image"], jobs["one"]["user"]) == ("x", "one")
    assert (jobs["two"]["image"], jobs["two"]["privileged"]) == ("y", True)


def test_what_is_not_found_is_refused_and_says_where_it_was_looked_for() -> None:
    job = f"jobs:\n  seed: {{extends: web, image: x, {_TRIGGERS}}}\n"

    assert refusal("services:\n  web: {image: x}\n" + job) == (
        "compose.yaml:4:19: jobs.seed: cannot extend 'web': compose.yaml has no job of that name"
    )
    assert refusal(
        "services:\n  web: {extends: {file: base.yaml, service: job}}\n",
        {"base.yaml": f"services: {{}}\njobs:\n  job: {{image: x, {_TRIGGERS}}}\n"},
    ) == (
        "compose.yaml:2:18: services.web: cannot extend 'job': base.yaml has no service of that "
        "name"
    )


def test_a_cycle_and_a_long_chain_are_refused() -> None:
    assert refusal("services:\n  a: {extends: b}\n  b: {extends: a}\n") == (
        "compose.yaml:2:16: extends: a extends b extends a forms a cycle"
    )
    links = "".join(f"  s{number}: {{extends: s{number + 1}}}\n" for number in range(60))
    assert "extends: the chain has more than 50 links" in refusal(
        f"services:\n{links}  s60: {{image: x}}\n"
    )


def test_a_remote_file_is_refused() -> None:
    assert refusal(
        "services:\n  a: {extends: {file: 'https://example.com/a.git', service: b}}\n"
    ) == (
        "compose.yaml:2:16: extends.file 'https://example.com/a.git' is remote; remote files are "
        "never fetched"
    )


def test_extends_without_a_service_and_with_an_empty_file_are_refused() -> None:
    assert refusal("services:\n  a: {extends: {file: b.yaml}}\n") == (
        "compose.yaml:2:16: services.a.extends: `service` is missing"
    )
    assert refusal("services:\n  a: {extends: {file: '', service: b}}\n") == (
        "compose.yaml:2:23: extends.file is empty, expected a path"
    )
