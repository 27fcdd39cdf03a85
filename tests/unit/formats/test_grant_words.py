"""How texts name the parts of a grant."""

from __future__ import annotations

import pytest

from policyd.formats.grant_words import devices


@pytest.mark.parametrize(
    ("granted", "method", "words"),
    [
        ("all", "gpus", "all"),
        ({"count": 1}, "reservation", "1 GPU"),
        ({"count": 2}, "reservation", "2 GPUs"),
        (("0", "1"), "gpus", "GPU 0,1"),
        (("GPU-8a3c",), "gpus", "GPU-8a3c"),
        (("/dev/nvidia0",), "device-node", "/dev/nvidia0"),
        (("c 195:0 rwm",), "cgroup-rule", "c 195:0 rwm"),
    ],
)
def test_devices_are_named_by_what_they_are(granted, method, words):
    assert devices(granted, method) == words
