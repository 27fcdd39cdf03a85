"""A key that docker compose ignores is warned of, wherever the schema lets it pass."""

from __future__ import annotations

from policyd.bundle import memory_bundle
from policyd.compose import load


def warnings(text: str) -> tuple[str, ...]:
    return load(memory_bundle({"compose.yaml": text.encode()})).warnings


def test_a_misspelt_key_of_a_gpu_request_is_warned_of_in_every_kind_of_container() -> None:
    found = warnings(
        "services:\n"
        "  web:\n"
        "    image: x\n"
        "    gpus: [{counts: 1, x-note: y}]\n"
        "    pre_start: [{gpus: [{device_id: '0'}]}]\n"
        "jobs:\n"
        "  seed: {image: x, triggers: {manual: true}, gpus: [{memory: 1}]}\n"
    )

    ignored = "docker compose ignores this key of a GPU request"
    assert found == (
        f"compose.yaml:7:62: jobs.seed.gpus[0].memory: {ignored}",
        f"compose.yaml:4:21: services.web.gpus[0].counts: {ignored}",
        f"compose.yaml:5:37: services.web.pre_start[0].gpus[0].device_id: {ignored}",
    )


def test_keys_that_only_swarm_uses_are_warned_of() -> None:
    found = warnings(
        "services:\n"
        "  web:\n"
        "    image: x\n"
        "    deploy: {mode: global, replicas: 1}\n"
        "    ports: [{target: 80, mode: host}, '81:81']\n"
        "    volumes: [{type: cluster, target: /d}]\n"
        "secrets:\n"
        "  key: {file: k, labels: {a: b}}\n"
    )

    assert found == (
        "compose.yaml:8:26: secrets.key.labels: only Docker Swarm uses this key",
        "compose.yaml:4:20: services.web.deploy.mode: only Docker Swarm uses this key",
        "compose.yaml:5:32: services.web.ports[0].mode: only Docker Swarm uses the mode `host`",
        "compose.yaml:6:22: services.web.volumes[0].type: only Docker Swarm uses the type "
        "`cluster`",
    )


def test_many_warnings_are_cut_short() -> None:
    keys = ", ".join(f"k{number}: 1" for number in range(60))
    found = warnings(f"services:\n  web: {{image: x, gpus: [{{{keys}}}]}}\n")

    assert len(found) == 51
    assert found[-1] == "10 more keys are ignored by docker compose"


def test_a_plain_project_has_no_warnings() -> None:
    assert warnings("services:\n  web: {image: x, gpus: all, deploy: {replicas: 2}}\n") == ()
