"""Small files that multiply are refused where they pass the limit; large ones are loaded."""

from __future__ import annotations

import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.compose.effort import Effort
from policyd.compose.limits import MAX_STEPS, MAX_TEXT_GROWTH
from policyd.errors import ComposeError
from tests.support.cases import cases

TOO_LARGE = (
    "the project is too large: more than 400000 values, variables and lines, counted each time "
    "they are used"
)


def refusal(files: dict[str, str], **options: str) -> str:
    with pytest.raises(ComposeError) as error:
        load(
            memory_bundle(
                {name: text.encode() for name, text in files.items()}, environment=options
            )
        )
    return str(error.value)


def services(count: int, entry: str) -> str:
    return "services:\n" + "".join(f"  s{number}: {{{entry}}}\n" for number in range(count))


def test_the_last_step_that_is_allowed_is_allowed() -> None:
    effort = Effort()
    effort.spend(MAX_STEPS, None)
    effort.grow(MAX_TEXT_GROWTH, None)

    with pytest.raises(ComposeError, match="the project is too large"):
        effort.spend(1, None)
    with pytest.raises(ComposeError, match="variables add more than 4194304 characters"):
        effort.grow(1, None)


@pytest.mark.slow
def test_port_ranges_count_by_port() -> None:
    allowed = load(
        memory_bundle({"compose.yaml": services(9, "image: x, ports: [1-9999]").encode()})
    )

    assert len(allowed.tree["services"]["s8"]["ports"]) == 9_999
    assert refusal({"compose.yaml": services(11, "image: x, ports: [1-9999]")}) == (
        f"compose.yaml:11:26: {TOO_LARGE}"
    )


@pytest.mark.thorough
def test_the_ports_of_a_media_server_are_loaded() -> None:
    text = services(1, "image: x, ports: ['50000-60000:50000-60000/udp', 16384-32768:16384-32768]")
    ports = load(memory_bundle({"compose.yaml": text.encode()})).tree["services"]["s0"]["ports"]

    assert len(ports) == 10_001 + 16_385
    assert ports[10_000] == {
        "mode": "ingress",
        "protocol": "udp",
        "target": 60_000,
        "published": "60000",
    }


@pytest.mark.slow
def test_an_env_file_counts_each_time_it_is_read() -> None:
    variables = "".join(f"V{number}=1\n" for number in range(5_000))

    assert refusal({"compose.yaml": services(99, "image: x, env_file: e"), "e": variables}) == (
        f"compose.yaml:27:29: {TOO_LARGE}"
    )


@pytest.mark.slow
def test_an_env_file_counts_for_each_include() -> None:
    entries = "".join("  - {path: o.yaml, env_file: e}\n" for _ in range(30))
    files = {"compose.yaml": f"include:\n{entries}", "o.yaml": services(1, "image: x")}

    assert refusal(files | {"e": "A=\n" * 9_000}) == f"e: include: {TOO_LARGE}"


@pytest.mark.thorough
def test_a_service_counts_each_time_it_is_extended() -> None:
    base = "  b:\n    environment:\n" + "".join(f"      V{n}: v\n" for n in range(9_000))

    assert refusal({"compose.yaml": services(99, "image: x, extends: b") + base}) == (
        f"compose.yaml:45:28: {TOO_LARGE}"
    )


@pytest.mark.thorough
def test_a_file_counts_each_time_another_is_merged_over_it() -> None:
    large = services(1, "image: x") + "".join(f"x-{n}: v\n" for n in range(9_000))

    assert refusal({"compose.yaml": large + "---\nservices: {}\n" * 50}) == (
        f"compose.yaml:9090:1: {TOO_LARGE}"
    )


@cases(
    ("entry", "place"),
    [
        ('image: x, command: "' + "'" * 1_700_000 + '"', "compose.yaml:2:27"),
        ('image: x, hostname: "' + "$$" * 400_001 + '"', "compose.yaml:2:28"),
        ('image: x, extra_hosts: ["a=' + "1," * 400_001 + '"]', "compose.yaml:2:32"),
        ("image: x, post_start: [{command: '" + "a" * 1_700_000 + "'}]", "compose.yaml:2:41"),
    ],
    ids=["command", "dollars", "host addresses", "hook"],
)
def test_a_text_of_many_things_counts_by_them(entry: str, place: str) -> None:
    assert refusal({"compose.yaml": services(1, entry)}) == f"{place}: {TOO_LARGE}"


@pytest.mark.thorough
def test_a_variable_without_a_value_counts_wherever_its_text_is_used() -> None:
    aliases = ", ".join(["*a "] * 12_000)
    text = "".join(f"${{N{number}}}" for number in range(10))

    assert (
        refusal(
            {"compose.yaml": f'x-a: &a "{text}"\n' + services(1, f"image: x, command: [{aliases}]")}
        )
        == f"compose.yaml:1:6: {TOO_LARGE}"
    )


def test_compose_file_names_at_most_as_many_files_as_are_loaded() -> None:
    names = ":".join(["compose.yaml"] * 501)

    assert refusal({"compose.yaml": services(1, "image: x")}, COMPOSE_FILE=names) == (
        "COMPOSE_FILE lists more than 500 files"
    )


def test_resets_count_at_each_level_above_them() -> None:
    below = ", ".join(f"k{number}: !reset 1" for number in range(2_000))
    deep = "{k: " * 60 + "{" + below + "}" + "}" * 60

    assert refusal({"compose.yaml": services(1, "image: x") + f"x-a: {deep}\n"}) == (
        "compose.yaml:3:50: too many !reset and !override tags, too deep"
    )


@cases(("levels", "is_refused"), [(49, False), (50, True)])
def test_aliases_add_their_levels(levels: int, is_refused: bool) -> None:
    """The mapping that is the file, 50 levels behind the alias, and those around it."""
    text = services(1, "image: x") + (
        f"x-a: &a {'{k: ' * 50}v{'}' * 50}\nx-b: {'{k: ' * levels}*a {'}' * levels}\n"
    )

    if is_refused:
        message = f"compose.yaml:4:{6 + 4 * levels}: more than 100 levels of nesting"
        assert refusal({"compose.yaml": text}) == message
    else:
        assert "x-b" in load(memory_bundle({"compose.yaml": text.encode()})).tree


@pytest.mark.thorough
def test_what_goes_wrong_only_with_profiles_together_is_found_in_one_pass() -> None:
    many = "services:\n" + "".join(
        f"  s{n}: {{image: x, profiles: [p{n % 50}], container_name: name{n // 2}}}\n"
        for n in range(1_000)
    )
    project = load(memory_bundle({"compose.yaml": many.encode()}))

    assert len(project.not_evaluated) == 500
    assert project.not_evaluated[0].reason == (
        "services 's0' and 's1' have the same container_name 'name0'"
    )


def test_what_hooks_inherit_counts_for_each_hook() -> None:
    variables = "".join(f"      V{number}: 1\n" for number in range(2_000))
    hooks = "      - {}\n" * 300

    assert refusal(
        {
            "compose.yaml": "services:\n  web:\n    image: x\n"
            f"    environment:\n{variables}    pre_start:\n{hooks}"
        }
    ).endswith(TOO_LARGE)


@pytest.mark.slow
def test_an_env_file_counts_for_each_hook_and_each_job() -> None:
    variables = "".join(f"V{number}=1\n" for number in range(5_000))
    hooks = "      - {}\n" * 99
    jobs = "".join(
        f"  j{number}: {{image: x, triggers: {{manual: true}}, env_file: e}}\n"
        for number in range(99)
    )

    for text in (
        f"services:\n  web:\n    image: x\n    env_file: e\n    pre_start:\n{hooks}",
        f"jobs:\n{jobs}",
    ):
        assert refusal({"compose.yaml": text, "e": variables}).endswith(TOO_LARGE)


def test_commands_of_hooks_and_jobs_count_by_length() -> None:
    hooks = "      - {}\n" * 99
    jobs = "".join(
        f"  j{number}: {{<<: *job, triggers: {{manual: true}}}}\n" for number in range(99)
    )
    command = "a" * 30_000

    for text in (
        f"services:\n  web:\n    image: x\n    command: {command}\n    pre_start:\n{hooks}",
        f"x-job: &job {{image: x, command: {command}}}\njobs:\n{jobs}",
    ):
        assert refusal({"compose.yaml": text}).endswith(TOO_LARGE)


def test_a_long_text_counts_each_time_a_service_extends_it() -> None:
    base = f"  base: {{image: x, command: [{'v' * 1_000_000}]}}\n"
    text = services(45, "extends: base") + base

    assert refusal({"compose.yaml": text}) == f"compose.yaml:41:18: {TOO_LARGE}"


def test_a_long_text_counts_each_time_a_hook_inherits_it() -> None:
    hooks = "      - {}\n" * 45
    text = f"{services(1, 'image: x')}  a:\n    command: [{'v' * 1_000_000}]\n    image: x\n"
    text += f"    pre_start:\n{hooks}"

    assert refusal({"compose.yaml": text}) == f"compose.yaml:46:9: {TOO_LARGE}"


@pytest.mark.thorough
def test_merging_over_included_resources_counts_each_time() -> None:
    items = "".join(f"      - v{number}\n" for number in range(30_000))
    includes = "".join("  - b.yaml\n" for _ in range(300))

    assert refusal(
        {
            "compose.yaml": f"include:\n{includes}services:\n  web:\n    image: x\n    x-l:\n{items}",
            "b.yaml": "services:\n  web: {image: y, x-l: [w]}\n",
        }
    ).endswith(TOO_LARGE)
