"""Settings of the containers of real projects: through the loader, from a file's text."""

from __future__ import annotations

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.workloads.extraction import extract
from policyd.workloads.model import Logging, Port, Restart, Tmpfs, Ulimit, Workload
from policyd.workloads.settings import reach
from tests.support.cases import cases

APP = ("services", "app")


def app(text: str) -> Workload:
    """Return the one workload of a service `app` whose keys are `text`."""
    keys = "".join(f"    {line}\n" for line in text.strip("\n").split("\n"))
    file = f"services:\n  app:\n    image: x\n{keys}networks: {{lan: }}\n"
    bundle = memory_bundle({"compose.yaml": file.encode()}, profiles=["*"])
    [workload] = extract(load(bundle), memory_bundle({}).files).workloads
    return workload


def test_ports_of_both_forms_have_numbers_and_a_reach() -> None:
    ports = app("""
ports:
  - "80:8080"
  - "127.0.0.1:53:53/udp"
  - "3000"
  - {target: 8080, published: "9000-9001", host_ip: 192.0.2.1}
""").ports

    assert ports == (
        Port(8080, 80, 80, "tcp", "", "all", (*APP, "ports", 0)),
        Port(53, 53, 53, "udp", "127.0.0.1", "loopback", (*APP, "ports", 1)),
        Port(3000, 0, 0, "tcp", "", "all", (*APP, "ports", 2)),
        Port(8080, 9000, 9001, "tcp", "192.0.2.1", "address", (*APP, "ports", 3)),
    )


@cases(
    ("host_ip", "expected"),
    [
        ("", "all"),
        ("0.0.0.0", "all"),
        ("[::]", "all"),
        ("::ffff:0.0.0.0", "all"),
        ("127.8.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("192.0.2.1", "address"),
        ("2001:db8::1", "address"),
        ("host.example", "address"),
    ],
)
def test_reach_is_that_of_the_address_however_it_is_written(host_ip: str, expected: str) -> None:
    assert reach(host_ip) == expected


def test_tmpfs_has_its_options() -> None:
    assert app('tmpfs: ["/run:exec,size=64m", /tmp]').tmpfs == (
        Tmpfs("/run", ("exec", "size=64m"), (*APP, "tmpfs", 0)),
        Tmpfs("/tmp", (), (*APP, "tmpfs", 1)),
    )


@cases(
    ("text", "expected"),
    [
        ("restart: 'no'", ""),
        ("healthcheck: {interval: 5s}", ""),
        ("healthcheck: {test: curl localhost}", "set"),
        ("healthcheck: {test: [CMD, 'true']}", "set"),
        ("healthcheck: {disable: true}", "disabled"),
        ("healthcheck: {test: [NONE]}", "disabled"),
    ],
)
def test_healthcheck_is_set_or_disabled(text: str, expected: str) -> None:
    assert app(text).healthcheck == expected


@cases(
    ("text", "expected"),
    [
        ("tty: true", Restart()),
        ("restart: always", Restart("always", 0, (*APP, "restart"))),
        ("restart: on-failure", Restart("on-failure", 0, (*APP, "restart"))),
        ("restart: on-failure:3", Restart("on-failure", 3, (*APP, "restart"))),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 4}}",
            Restart("on-failure", 4, (*APP, "deploy", "restart_policy")),
        ),
        (
            "deploy: {restart_policy: {condition: any}}",
            Restart("always", 0, (*APP, "deploy", "restart_policy")),
        ),
        (
            "deploy: {restart_policy: {condition: none}}",
            Restart("no", 0, (*APP, "deploy", "restart_policy")),
        ),
        (
            "restart: unless-stopped\ndeploy: {restart_policy: {condition: none}}",
            Restart("unless-stopped", 0, (*APP, "restart")),
        ),
    ],
)
def test_restart_is_read_before_the_restart_policy_of_deploy(text: str, expected: Restart) -> None:
    assert app(text).restart == expected


def test_limits_are_read_from_both_places() -> None:
    assert app("pids_limit: 50").pids_limit == 50
    assert app("pids_limit: -1").pids_limit == 0
    assert app("deploy: {resources: {limits: {pids: 20}}}").pids_limit == 20
    assert app("ulimits: {memlock: -1, nofile: {soft: 1, hard: 2}}").ulimits == {
        "memlock": Ulimit(-1, -1),
        "nofile": Ulimit(1, 2),
    }


def test_the_other_settings_are_as_loaded() -> None:
    workload = app("""
read_only: true
networks: [lan]
extra_hosts: ["db:192.0.2.7"]
logging: {driver: none, options: {max-size: 10m}}
sysctls: {net.core.somaxconn: 1024}
group_add: [video, 0]
oom_kill_disable: true
oom_score_adj: -500
container_name: web-1
pull_policy: always
tty: true
volumes: [{type: bind, source: /a, target: /b, bind: {propagation: rshared}}]
""")

    assert workload.read_only is True
    assert workload.networks == ("lan",)
    assert workload.extra_hosts == ("db=192.0.2.7",)
    assert workload.logging == Logging("none", {"max-size": "10m"})
    assert workload.sysctls == {"net.core.somaxconn": "1024"}
    assert workload.group_add == ("video", "0")
    assert (workload.oom_kill_disable, workload.oom_score_adj) == (True, -500)
    assert (workload.container_name, workload.pull_policy, workload.tty) == (
        "web-1",
        "always",
        True,
    )
    assert [mount.propagation for mount in workload.mounts] == ["rshared"]
