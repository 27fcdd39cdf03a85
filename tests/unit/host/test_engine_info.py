from __future__ import annotations

from policyd.host.engine_info import EngineInfo, read_info
from policyd.host.folded_json import Fields


def test_what_a_daemon_says_of_itself():
    found = read_info(
        Fields(
            {
                "DefaultRuntime": "gate",
                "DockerRootDir": "/var/lib/docker",
                "Runtimes": {
                    "gate": {"path": "/usr/local/sbin/policyd-runtime"},
                    "io.containerd.runc.v2": {"path": "runc"},
                    "kata": {"runtimeType": "io.containerd.kata.v2"},
                },
            }
        )
    )

    assert (found.default_runtime, found.root) == ("gate", "/var/lib/docker")
    assert found.runtimes == {
        "gate": "/usr/local/sbin/policyd-runtime",
        "io.containerd.runc.v2": "runc",
        "kata": "",
    }
    assert found.asking_runtimes == {"gate"}


def test_a_daemon_that_says_nothing():
    assert read_info(None) == EngineInfo()
    assert EngineInfo().asking_runtimes == frozenset()
