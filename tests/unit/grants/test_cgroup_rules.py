from __future__ import annotations

from tests.support.cases import cases
from tests.support.granting import grants, host, rule, service


@cases(
    ("text", "vendor", "devices"),
    [
        ("c 195:0 rw", "nvidia", ("195:0",)),
        ("c 0195:00 r", "nvidia", ("195:0",)),
        ("c 195:* rwm", "nvidia", "all"),
        ("c *:* w", "unknown", "all"),
        ("c 226:128 rw", "unknown", ("226:128",)),
        ("c 234:1 rw", "unknown", ("234:1",)),
        ("c 254:1 rw", "unknown", ("254:1",)),
        ("c 384:1 rw", "unknown", ("384:1",)),
        ("c 511:1 rw", "unknown", ("511:1",)),
        ("c 10:196 rw", "unknown", ("10:196",)),
        ("c 10:* rw", "unknown", "all"),
        ("a 1:2 rw", "unknown", "all"),
    ],
)
def test_rule_that_opens_accelerators_is_a_grant(text: str, vendor: str, devices: object) -> None:
    (found,) = grants(service(device_cgroup_rules=(rule(text),)))

    assert (found.method, found.vendor, found.devices) == ("cgroup-rule", vendor, devices)
    assert found.text == text


@cases(
    "text",
    [
        "c 195:0 m", "b 195:0 rw", "c 1:1 rw", "c 188:0 rw", "c 189:* rw", "c 233:0 rw",
        "c 255:0 rw", "c 512:0 rw", "c 10:200 rw",
        "c 195:0", "c 195:0 rw ", "c 2340:0 rw", "x 195:0 rw",
    ],
)  # fmt: skip
def test_other_rules_are_none(text: str) -> None:
    assert grants(service(device_cgroup_rules=(rule(text),))) == ()


def test_usb_rule_is_a_grant_on_a_host_with_accelerators_there() -> None:
    workload = service(device_cgroup_rules=(rule("c 189:* rw"),))

    assert [one.vendor for one in grants(workload, known=host(usb_accelerators=True))] == ["google"]
