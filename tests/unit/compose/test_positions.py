"""A place in a file for every path of the model: `«` marks the expected one in each case."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.errors import ComposeError
from policyd.model import Location, Path
from tests.support.cases import cases

HERE = "«"


class Case(NamedTuple):
    """Files, a path of their model, and the other files of the project."""

    name: str
    compose: str
    path: str
    others: dict[str, str] = {}


def parts(path: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in path.split("/"))


def marked(files: dict[str, str]) -> tuple[dict[str, bytes], Location]:
    """Return the files without the mark, and where it stood."""
    found = [
        Location(name, text[: text.index(HERE)].count("\n") + 1, _column(text))
        for name, text in files.items()
        if HERE in text
    ]
    assert len(found) == 1, "a case marks one place"
    return {
        name: text.replace(HERE, "").encode(errors="surrogateescape")
        for name, text in files.items()
    }, found[0]


def _column(text: str) -> int:
    before = text[: text.index(HERE)]
    return len(before) - (before.rfind("\n") + 1) + 1


SERVICE = "services:\n  web:\n    image: nginx\n"

CASES = [
    Case("a scalar", "services:\n  web:\n    image: «nginx\n", "services/web/image"),
    Case("a quoted scalar", "services:\n  web:\n    image: «'nginx'\n", "services/web/image"),
    Case("a boolean", SERVICE + "    privileged: «true\n", "services/web/privileged"),
    Case("a boolean word", SERVICE + "    privileged: «'yes'\n", "services/web/privileged"),
    Case("a number", SERVICE + "    scale: «2\n", "services/web/scale"),
    Case("a block mapping is its key", "services:\n  «web:\n    image: nginx\n", "services/web"),
    Case("a block list is its key", SERVICE + "    «cap_add:\n      - A\n", "services/web/cap_add"),
    Case("a flow list", SERVICE + "    cap_add: «[A, B]\n", "services/web/cap_add"),
    Case("a flow mapping", "services:\n  web: «{image: nginx}\n", "services/web"),
    Case("an item of a flow list", SERVICE + "    cap_add: [A, «B]\n", "services/web/cap_add/1"),
    Case("an item of a list", SERVICE + "    cap_add:\n      - A\n      - «B\n", "services/web/cap_add/1"),
    Case("an item that is a mapping", SERVICE + "    gpus:\n      - «count: 1\n", "services/web/gpus/0"),
    Case("a value in an item", SERVICE + "    gpus:\n      - count: «1\n", "services/web/gpus/0/count"),
    Case("the top level", "«services:\n  web:\n    image: nginx\n", "services"),
    Case("a path that is not there", "services:\n  «web:\n    image: nginx\n", "services/web/runtime"),
    Case("a deep path that is not there", SERVICE + "    «deploy:\n      mode: x\n", "services/web/deploy/resources/limits"),
    Case("an index that is not there", SERVICE + "    cap_add: «[A]\n", "services/web/cap_add/7"),
    Case("a block scalar", SERVICE + "    command: «>-\n      a b\n", "services/web/command"),
    Case("after a tag", SERVICE + "    privileged: «!!str true\n", "services/web/privileged"),
    Case("after an anchor", SERVICE + "    privileged: «&yes true\n", "services/web/privileged"),
    Case("an explicit key", SERVICE + "    ? privileged\n    : «true\n", "services/web/privileged"),
    Case("a key with escapes", SERVICE + '    "privi\\x6ceged": «true\n', "services/web/privileged"),
    Case("beyond the ASCII range", "services:\n  web: {hostname: 'über', image: «nginx}\n", "services/web/image"),
    Case("JSON", '{"services": {"web": {"image": «"nginx"}}}', "services/web/image"),
    Case("Windows line ends", "services:\r\n  web:\r\n    image: «nginx\r\n", "services/web/image"),
    Case("an empty value is its key", SERVICE + "volumes:\n  «data:\n", "volumes/data"),
    # short forms
    Case("gpus: all", SERVICE + "    gpus: «all\n", "services/web/gpus/0/count"),
    Case("gpus: all, the request", SERVICE + "    gpus: «all\n", "services/web/gpus/0"),
    Case("a count that is filled in", SERVICE + "    gpus:\n      - «driver: nvidia\n", "services/web/gpus/0/count"),
    Case("a short volume", SERVICE + "    volumes: [«/dev:/dev]\n", "services/web/volumes/0/source"),
    Case("the target of a short volume", SERVICE + "    volumes: [«/dev:/dev]\n", "services/web/volumes/0/target"),
    Case("a short device", SERVICE + "    devices:\n      - «/dev/nvidia0\n", "services/web/devices/0/source"),
    Case("a short port", SERVICE + "    ports: ['1:1', «'80:81']\n", "services/web/ports/1/target"),
    Case("a port of a range", SERVICE + "    ports: [«'8000-8002:8000-8002']\n", "services/web/ports/2"),
    Case("a short build", "services:\n  web:\n    build: «./app\n", "services/web/build/context"),
    Case("a default of build", "services:\n  web:\n    «build:\n      target: x\n", "services/web/build/dockerfile"),
    Case("a short secret", SERVICE + "    secrets: [«key]\nsecrets: {key: {file: k}}\n", "services/web/secrets/0/source"),
    Case("a dependency in a list", SERVICE + "    depends_on: [«db]\n  db: {image: x}\n", "services/web/depends_on/db"),
    Case("a network in a list", SERVICE + "    networks: [«back]\nnetworks: {back: {}}\n", "services/web/networks/back"),
    Case("an implied dependency", SERVICE + "    links: [«db]\n  db: {image: x}\n", "services/web/depends_on/db"),
    # mappings that may be lists
    Case("a variable in a mapping", SERVICE + "    environment:\n      A: «1\n", "services/web/environment/A"),
    Case("a variable in a list", SERVICE + "    environment:\n      - «A=1\n", "services/web/environment/A"),
    Case("the last of two equal variables", SERVICE + "    environment: [A=1, B=2, «A=3]\n", "services/web/environment/A"),
    Case("the last of two addresses of a host", SERVICE + "    extra_hosts: [a=10.0.0.1, «a=10.0.0.2]\n", "services/web/extra_hosts/a"),
    Case("a bare variable", SERVICE + "    environment: [«A]\n", "services/web/environment/A"),
    Case("a null variable is its key", SERVICE + "    environment:\n      «A:\n", "services/web/environment/A"),
    Case("a label in a list", SERVICE + "    labels: [«a.b=1]\n", "services/web/labels/a.b"),
    # env files
    Case("a variable of an env file", SERVICE + "    env_file: a.env\n", "services/web/environment/B", {"a.env": "# c\nA=1\n«B=2\n"}),
    Case("the later env file", SERVICE + "    env_file: [a.env, b.env]\n", "services/web/environment/A", {"a.env": "A=1\n", "b.env": "\n«A=2\n"}),
    Case("environment over env file", SERVICE + "    env_file: a.env\n    environment:\n      A: «2\n", "services/web/environment/A", {"a.env": "A=1\n"}),
    Case("a label of a label file", SERVICE + "    label_file: a.label\n", "services/web/labels/A", {"a.label": "«A=1\n"}),
    # anchors and merge keys
    Case("through an alias", "x-p: «&p true\nservices:\n  web:\n    image: nginx\n    privileged: *p\n", "services/web/privileged"),
    Case("through a merge key", "x-b: &b\n  privileged: «true\nservices:\n  web:\n    <<: *b\n    image: nginx\n", "services/web/privileged"),
    Case("its own key over a merge key", "x-b: &b\n  privileged: true\nservices:\n  web:\n    <<: *b\n    image: nginx\n    privileged: «false\n", "services/web/privileged"),
    Case("the first of two merged", "x-a: &a {user: «a}\nx-b: &b {user: b}\nservices:\n  web:\n    <<: [*a, *b]\n    image: nginx\n", "services/web/user"),
    Case("a second document", SERVICE + "---\nservices:\n  web:\n    privileged: «true\n", "services/web/privileged"),
    # several files
    Case("an override", SERVICE + "    privileged: false\n", "services/web/privileged", {"compose.override.yaml": "services:\n  web:\n    privileged: «true\n"}),
    Case("what an override leaves alone", "services:\n  web:\n    image: «nginx\n", "services/web/image", {"compose.override.yaml": "services:\n  web:\n    privileged: true\n"}),
    Case("a service of two files is the first's", "services:\n  «web:\n    image: nginx\n", "services/web", {"compose.override.yaml": "services:\n  web:\n    privileged: true\n"}),
    Case("an item that an override adds", SERVICE + "    cap_add: [A]\n", "services/web/cap_add/1", {"compose.override.yaml": "services:\n  web:\n    cap_add: [«B]\n"}),
    Case("a variable that an override sets", SERVICE + "    environment: {A: 1}\n", "services/web/environment/A", {"compose.override.yaml": "services:\n  web:\n    environment: [«A=2]\n"}),
    Case("a device that an override swaps", SERVICE + "    devices: ['/dev/a:/dev/x']\n", "services/web/devices/0/source", {"compose.override.yaml": "services:\n  web:\n    devices: [«'/dev/b:/dev/x']\n"}),
    Case("!override", SERVICE + "    cap_add: [A, B]\n", "services/web/cap_add/0", {"compose.override.yaml": "services:\n  web:\n    cap_add: !override [«C]\n"}),
    # extends and include
    Case("extends in one file", "services:\n  base:\n    image: «nginx\n  web:\n    extends: base\n", "services/web/image"),
    Case("extends over what it extends", "services:\n  base:\n    image: nginx\n  web:\n    extends: base\n    image: «other\n", "services/web/image"),
    Case("the service that extends", "services:\n  base:\n    image: nginx\n  «web:\n    extends: base\n", "services/web"),
    Case("extends another file", "services:\n  web:\n    extends: {file: b/base.yaml, service: base}\n", "services/web/runtime", {"b/base.yaml": "services:\n  base:\n    image: x\n    runtime: «nvidia\n"}),
    Case("an included service", "include: [sub/compose.yaml]\n", "services/gpu/gpus/0/count", {"sub/compose.yaml": "services:\n  gpu:\n    image: x\n    gpus: «all\n"}),
    Case("over an included service", "include: [sub/compose.yaml]\nservices:\n  gpu:\n    image: «y\n", "services/gpu/image", {"sub/compose.yaml": "services:\n  gpu:\n    image: x\n"}),
    Case("a path that is made absolute", SERVICE + "    volumes:\n      - type: bind\n        source: «./data\n        target: /d\n", "services/web/volumes/0/source"),
    Case("an interpolated value", SERVICE + "    runtime: «${R:-nvidia}\n", "services/web/runtime"),
    # hooks, jobs and develop
    Case("a value of a hook", SERVICE + "    pre_start:\n      - gpus: «all\n", "services/web/pre_start/0/gpus/0/count"),
    Case("what a hook inherits", SERVICE + "    runtime: «nvidia\n    pre_start: [{}]\n", "services/web/pre_start/0/runtime"),
    Case("a hook over what it inherits", SERVICE + "    runtime: nvidia\n    pre_start: [{runtime: «runc}]\n", "services/web/pre_start/0/runtime"),
    Case("an item that a hook adds", SERVICE + "    cap_add: [A]\n    pre_start: [{cap_add: [«B]}]\n", "services/web/pre_start/0/cap_add/1"),
    Case("a variable of a hook", SERVICE + "    environment: [A=1]\n    pre_start: [{environment: {A: «2}}]\n", "services/web/pre_start/0/environment/A"),
    Case("a variable of an inherited env file", SERVICE + "    env_file: a.env\n    pre_start: [{}]\n", "services/web/pre_start/0/environment/A", {"a.env": "«A=1\n"}),
    Case("a hook of an override", SERVICE + "    pre_start: [{user: a}]\n", "services/web/pre_start/1/user", {"compose.override.yaml": "services:\n  web:\n    pre_start: [{user: «b}]\n"}),
    Case("a hook after start", SERVICE + "    post_start: [{command: «x}]\n", "services/web/post_start/0/command"),
    Case("a job", "jobs:\n  «seed:\n    image: x\n    triggers: {manual: true}\n", "jobs/seed"),
    Case("a value of a job", "jobs:\n  seed:\n    image: «x\n    triggers: {manual: true}\n", "jobs/seed/image"),
    Case("a short schedule of a job", "jobs:\n  seed:\n    image: x\n    triggers: {schedule: [«'@daily']}\n", "jobs/seed/triggers/schedule/0/cron"),
    Case("an included job", "include: [sub/compose.yaml]\n", "jobs/seed/image", {"sub/compose.yaml": "jobs:\n  seed: {image: «x, triggers: {manual: true}}\n"}),
    Case("a watch rule", SERVICE + "    develop:\n      watch:\n        - {path: ., action: sync+exec, target: /x, exec: {command: «a}}\n", "services/web/develop/watch/0/exec/command"),
    Case("a watch rule of x-develop", SERVICE + "    x-develop:\n      watch: [{path: ., action: «rebuild}]\n", "services/web/develop/watch/0/action"),
    Case("a top-level volume", SERVICE + "    volumes: ['d:/d']\nvolumes:\n  d:\n    driver_opts:\n      device: «/dev\n", "volumes/d/driver_opts/device"),
]  # fmt: skip


@cases("case", CASES, ids=lambda case: case.name)
def test_a_path_leads_to_the_place_that_decided_it(case: Case) -> None:
    files, expected = marked({"compose.yaml": case.compose, **case.others})

    assert load(memory_bundle(files)).locate(parts(case.path)) == expected


ERRORS = [
    ("an unknown key", SERVICE + "    privilege: «true\n", "services.web: the key 'privilege' is not known to Compose 5.7.1, which this version of policyd follows; did you mean privileged?"),
    ("a wrong type", SERVICE + "    cap_add: «SYS_ADMIN\n", "services.web.cap_add: expected a list, found the string 'SYS_ADMIN'"),
    ("a count that is a word", SERVICE + "    gpus:\n      - count: «many\n", "services.web.gpus[0].count: expected a whole number or `all`, found 'many'"),
    ("a list where a mapping belongs", "services: «[web]\n", "services: expected a mapping, found a list"),
    ("equal items", SERVICE + "    security_opt: [a, «a]\n", "services.web.security_opt: items 0 and 1 are equal"),
    ("a duplicate key", SERVICE + "    «image: x\n", "duplicate key 'image', first defined at line 3"),
    ("a malformed variable", SERVICE + "    runtime: «${A\n", "services.web.runtime: "),
    ("a required variable", SERVICE + "    runtime: «${A:?set A}\n", "services.web.runtime: required variable 'A' is missing a value: 'set A'"),
    ("a missing env file", SERVICE + "    env_file: «x.env\n", "the env_file x.env does not exist"),
    ("extends outside", SERVICE + "    extends: «{file: ../x.yaml, service: a}\n", "/x.yaml: is outside the project"),
    ("extends of no path", SERVICE + '    extends: «{file: "x\\0", service: a}\n', "'/project/x\\x00': the path has a NUL byte"),
    ("include outside", "include: [«../x.yaml]\n", "/x.yaml: is outside the project"),
    ("include of no path", 'include: [«"x\\0"]\n', "'/project/x\\x00': the path has a NUL byte"),
    ("an undefined volume", SERVICE + "    volumes: [«'data:/d']\n", "service 'web' refers to undefined volume 'data': declare it below the top-level `volumes:`"),
    ("an undefined volume that may be a path", SERVICE + "    volumes: [«'data/x:/d']\n", "service 'web' refers to undefined volume 'data/x': write `./data/x` for a path, or declare it below the top-level `volumes:`"),
    ("an undefined network", SERVICE + "    networks: [«back]\n", "service 'web' refers to undefined network 'back': declare it below the top-level `networks:`"),
    ("a mapping in a list of texts", SERVICE + "    environment:\n      - «A: 1\n", "services.web.environment[0]: expected a string, found a mapping: write `A=value`, or quote the text if it contains a colon"),
    ("a number of GPUs", SERVICE + "    gpus: «'2'\n", "services.web.gpus: expected all, or a list such as [{count: 2}], found the string '2'"),
    ("GPUs as a number", SERVICE + "    gpus: «2\n", "services.web.gpus: expected all, or a list such as [{count: 2}], found the number 2"),
    ("GPUs as a mapping", SERVICE + "    gpus: «{count: 1}\n", "services.web.gpus: expected all, or a list such as [{count: 1}], found a mapping"),
    ("a mount with a space", SERVICE + "    volumes:\n      - «./a: /b\n", "services.web.volumes[0]: found a mapping: write `./a:TARGET`, without a space"),
    ("SSH keys that are a number", SERVICE + "    build: {ssh: «5}\n", "services.web.build.ssh: expected a mapping or a list, found the number 5"),
    ("invalid UTF-8", "services: {a: {user: «\udcff}}\n", "invalid UTF-8: byte 0xff. Save the file as UTF-8"),
    ("a Kubernetes manifest", "apiVersion: «v1\nkind: Pod\n", "this is a Kubernetes manifest, not a Compose file: it has `apiVersion` and `kind`"),
    ("a key of services in a job", "jobs:\n  seed: {image: x, triggers: {manual: true}, restart: «always}\n", "jobs.seed: a job cannot have the key 'restart', which only services have"),
    ("a key of services in a hook", SERVICE + "    pre_start: [{deploy: «{}}]\n", "services.web.pre_start[0]: a pre_start hook cannot have the key 'deploy', which only services have"),
    ("a host name", SERVICE + "    extra_hosts: {'a:b': «x}\n", "services.web.extra_hosts: 'a:b' is not a valid host name"),
    ("a value in a hook", SERVICE + "    pre_start: [{mem_limit: «many}]\n", "services.web.pre_start[0].mem_limit: 'many' is not a size: "),
    ("a schedule", "jobs:\n  seed: {image: x, triggers: {schedule: [{cron: x, concurrency: «none}]}}\n", "jobs.seed.triggers.schedule[0].concurrency: expected forbid or queue, found 'none'"),
    ("a job without triggers", "jobs:\n  «seed: {image: x}\n".replace("«seed: ", "seed: «"), "jobs.seed: `triggers` is missing"),
    ("no trigger", "jobs:\n  seed: {image: x, triggers: «{}}\n", "jobs.seed.triggers: `manual` or `schedule` is missing"),
    ("no image", "services:\n  «web:\n    user: x\n", "service 'web' has neither an image nor a build nor a provider: add one of them"),
    ("a number that a variable lacks", SERVICE + "    healthcheck: {retries: «$RETRIES}\n", "services.web.healthcheck.retries: '' is not a decimal integer (RETRIES has no value here)"),
    ("a port that variables lack", SERVICE + "    ports: [«'$A:$B']\n", "services.web.ports: port ':' has no container port (A, B have no value here)"),
    ("a volume that a variable lacks", SERVICE + "    volumes: [«'$A:/data']\n", "services.web.volumes: volume ':/data' has an empty part between colons (A has no value here)"),
    ("a size that a variable lacks", SERVICE + "    mem_limit: «$A\n", "services.web.mem_limit: '' is not a size: write bytes, or a number and k, m, g, t or p (A has no value here)"),
    ("a file of version 1", "«web:\n  image: x\n", "the key 'web' is not known to Compose 5.7.1, which this version of policyd follows; define services below `services:`, only version 1 of the format had them at the top level"),
    ("a template", SERVICE + "    volumes: [{«{x}}]\n", "a key must be a string, found a list or a mapping: is {{…}} of a template left over?"),
    ("two merge keys", "x-a: &a {}\n" + SERVICE + "    <<: *a\n    «<<: *a\n", "duplicate key '<<', first defined at line 5: write <<: [*a, *b] once"),
    ("a flow list that is open", "services:\n  web:\n    cap_add: [A\n«", "not valid YAML: "),
]  # fmt: skip


@cases(("name", "text", "message"), ERRORS, ids=[error[0] for error in ERRORS])
def test_a_refusal_names_the_place_and_what_is_wrong(name: str, text: str, message: str) -> None:
    files, expected = marked({"compose.yaml": text})

    with pytest.raises(ComposeError) as refusal:
        load(memory_bundle(files))

    assert refusal.value.where == expected
    assert refusal.value.message.startswith(message)


def test_a_variable_without_a_value_is_reported_where_the_model_uses_it() -> None:
    project = load(
        memory_bundle(
            {
                "compose.yaml": b"services:\n"
                b"  web:\n"
                b"    extends: {file: base.yaml, service: base}\n"
                b"    environment: ['GPUS=$GPUS', 'A=${B:-}']\n"
                b"    env_file: a.env\n",
                "base.yaml": b"services:\n  base: {image: x, runtime: '${RUNTIME}'}\n"
                b"  unused: {image: '$NOWHERE'}\n",
                "a.env": b"\nC=$D\n",
            }
        )
    )

    assert [(use.variable, use.path, str(use.location)) for use in project.unresolved] == [
        ("GPUS", ("services", "web", "environment", "GPUS"), "compose.yaml:4:19"),
        ("RUNTIME", ("services", "web", "runtime"), "base.yaml:2:29"),
        ("NOWHERE", (), "base.yaml:3:19"),
        ("D", ("services", "web", "environment", "C"), "a.env:2:1"),
    ]


def test_a_variable_that_a_hook_inherits_is_reported_for_both() -> None:
    project = load(
        memory_bundle(
            {
                "compose.yaml": b"services:\n"
                b"  web: {image: x, runtime: $RUNTIME, pre_start: [{}, {user: $USER_OF_HOOK}]}\n"
                b"jobs:\n"
                b"  seed: {image: x, triggers: {manual: true}, environment: [GPUS=$GPUS]}\n"
            }
        )
    )

    assert [(use.variable, use.path) for use in project.unresolved] == [
        ("RUNTIME", ("services", "web", "runtime")),
        ("RUNTIME", ("services", "web", "pre_start", 0, "runtime")),
        ("RUNTIME", ("services", "web", "pre_start", 1, "runtime")),
        ("USER_OF_HOOK", ("services", "web", "pre_start", 1, "user")),
        ("GPUS", ("jobs", "seed", "environment", "GPUS")),
    ]
