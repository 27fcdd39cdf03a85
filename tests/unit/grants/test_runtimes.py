from __future__ import annotations

from policyd.grants.runtimes import HostSettings, class_of_name
from tests.support.cases import cases
from tests.support.granting import host, tables


@cases(
    ("name", "expected"),
    [
        ("", ""),
        (" ", ""),
        ("nvidia", "nvidia"),
        (" NVIDIA-legacy ", "nvidia"),
        ("/usr/bin/nvidia-container-runtime", "nvidia"),
        ("runc", "vetted"),
        ("io.containerd.runc.v2", "vetted"),
        ("amd", "amd"),
        ("rocm-runtime", "amd"),
        ("habana", "habana"),
        ("gaudi2", "unknown"),
        ("ascend", "ascend"),
        ("musa", "mthreads"),
        ("dcu-runtime", "hygon"),
        ("fast-runc", "unknown"),
        ("/usr/bin/runc", "unknown"),
    ],
)
def test_class_is_found_by_the_name(name: str, expected: str) -> None:
    assert class_of_name(name, tables()) == expected


def test_alias_has_the_class_of_its_binary() -> None:
    runtimes = {
        "gpu": "/usr/bin/nvidia-container-runtime",
        "plain": "/usr/sbin/runc",
        "runc": "/opt/habana-container-runtime",
        "empty": "",
    }
    settings = HostSettings(tables(), host(runtimes=runtimes, default_runtime="gpu"))

    assert settings.class_of(" gpu ") == "nvidia"
    assert settings.class_of("GPU") == "unknown"
    assert settings.class_of("plain") == "vetted"
    assert settings.class_of("runc") == "habana"
    assert settings.class_of("empty") == "unknown"
    assert settings.class_of("nvidia") == "nvidia"
    assert settings.default_class == "nvidia"


def test_nothing_is_known_of_a_host_without_inventory() -> None:
    settings = HostSettings(tables())

    assert settings.default_class == ""
    assert settings.has_usb_accelerators is False
    assert settings.class_of("gpu") == "unknown"
