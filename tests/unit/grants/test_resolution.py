from __future__ import annotations

import msgspec
import pytest

from policyd.errors import PolicySetError
from policyd.grants.resolution import GrantResolver, listed
from policyd.model import Grant
from policyd.workloads.model import GrantDeclaration
from tests.support.cases import cases
from tests.support.granting import HOST, MIG_HOST, hook, host, request, resolver, service


def _declared(method: str, devices: object, path: str, **fields: object) -> GrantDeclaration:
    given = {"method": method, "vendor": "nvidia", "devices": devices, "path": ("x", path)}
    return msgspec.convert({**given, "text": "", **fields}, GrantDeclaration)


def test_declarations_of_a_method_add_up_in_the_list() -> None:
    grants = (
        _declared("cdi", ["b", "a"], "2"),
        _declared("cdi", ["a", "c"], "1"),
        _declared("cdi", ["d"], "3", vendor="amd"),
        _declared("environment", ["0"], "4", certainty="default-runtime"),
        _declared("environment", "all", "5", certainty="certain"),
    )

    assert listed([service(replicas=2, grants=grants)]) == (
        Grant("app", "nvidia", "cdi", ("a", "b", "c"), 2, ("x", "1"), identities=()),
        Grant("app", "amd", "cdi", ("d",), 2, ("x", "3"), identities=()),
        Grant("app", "nvidia", "environment", "all", 2, ("x", "4"), identities=()),
    )


def test_certainty_is_that_of_the_most_certain_declaration() -> None:
    (found,) = listed(
        [service(grants=(_declared("environment", ["0"], "4", certainty="default-runtime"),))]
    )

    assert found.certainty == "default-runtime"


@cases("method", ["reservation", "gpus", "generic-resource"])
def test_each_request_is_a_grant(method: str) -> None:
    grants = (_declared(method, {"count": 1}, "1"), _declared(method, "all", "2"))

    assert [one.devices for one in listed([service(grants=grants)])] == [{"count": 1}, "all"]


def test_hook_is_listed_with_its_service_and_its_index() -> None:
    (found,) = listed([hook(grants=(_declared("gpus", ["0"], "1"),))])

    assert (found.service, found.kind, found.hook) == ("app", "hook", 0)
    assert msgspec.to_builtins(found)["hook"] == 0


def test_json_of_a_service_leaves_out_what_is_usual() -> None:
    (found,) = listed([service(grants=(_declared("gpus", ["0"], "1"),))])

    assert sorted(msgspec.to_builtins(found)) == [
        "devices", "identities", "method", "path", "replicas", "service", "vendor",
    ]  # fmt: skip


def test_places_in_lists_are_ordered_as_numbers() -> None:
    grants = tuple(
        msgspec.structs.replace(_declared("cdi", ["a"], ""), path=("devices", place))
        for place in (10, 9)
    )

    assert listed([service(grants=grants)])[0].path == ("devices", 9)


def test_host_of_the_review_gives_its_names() -> None:
    workload = service(device_requests=(request(device_ids=("GPU-AA",)),))

    (here,) = resolver(MIG_HOST).resolve([workload], HOST)
    (elsewhere,) = resolver(MIG_HOST).resolve([workload], "gpu-02")

    assert here.grants[0].identities == ("0",)
    assert elsewhere.grants[0].identities == ("gpu-aa",)


def test_workloads_keep_their_order_and_everything_else() -> None:
    first, second = service("b", image="x"), service("a")

    found = resolver(host()).resolve([first, second], HOST)

    assert [one.name for one in found] == ["b", "a"]
    assert found == (first, second)


@cases(
    ("data", "message"),
    [
        ({"tables": {"nodes": []}}, "policyd.tables: "),
        ({"inventory": {"hosts": {"a": {}}}}, "policyd.inventory.hosts: "),
    ],
)
def test_data_of_another_form_is_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        GrantResolver({"policyd": data})

    assert str(caught.value).startswith(message)


def test_user_table_adds_a_vendor_without_code() -> None:
    tables = {
        "families": {"acme": {"vendor": "acme", "rule": "ascend", "needs_variable": True}},
        "runtimes": {"tokens": {"acme": "acme"}},
        "selectors": {"names": {"ACME_VISIBLE_DEVICES": "acme"}},
        "nodes": {"^acme[0-9]+$": "acme"},
    }
    workload = service(runtime="acme-fast", environment={"ACME_VISIBLE_DEVICES": "0-1"})

    (found,) = GrantResolver({"policyd": {"tables": tables}}).resolve([workload])

    assert [(one.method, one.vendor, one.devices) for one in found.grants] == [
        ("runtime", "acme", ("0", "1"))
    ]


@cases(
    ("ids", "identities"),
    [(("00", "GPU-aa", "0"), ("0",)), (("01", "0"), ("0", "1")), (("1:0", "MIG-b0"), ("mig-b0",))],
)
def test_a_grant_names_each_device_once_by_its_identity(
    ids: tuple[str, ...], identities: tuple[str, ...]
) -> None:
    here = resolver(MIG_HOST)

    (found,) = here.listed(
        here.resolve([service(device_requests=(request(device_ids=ids),))], HOST)
    )

    assert found.identities == identities


def test_a_count_is_the_first_devices_and_all_is_none_in_particular() -> None:
    requests = (request(count=2), request(count=-1))
    here = resolver(MIG_HOST)

    found = here.listed(here.resolve([service(device_requests=requests)], HOST), HOST)

    assert [(one.devices, one.identities, one.aliases) for one in found] == [
        (
            {"count": 2},
            ("0", "1"),
            {"0": ("00000000:18:00.0", "gpu-aa", "gpu0"), "1": ("gpu-bb", "gpu1")},
        ),
        ("all", (), {}),
    ]


def test_the_other_names_of_a_device_are_those_of_the_host_of_the_review() -> None:
    here = resolver(MIG_HOST)
    workload = service(device_requests=(request(device_ids=("1:0", "7")),))

    (found,) = here.listed(here.resolve([workload], HOST), HOST)
    (elsewhere,) = here.listed(here.resolve([workload], "gpu-02"), "gpu-02")

    assert found.identities == ("7", "mig-b0")
    assert found.aliases == {"mig-b0": ("1:0", "mig1:0")}
    assert (elsewhere.identities, elsewhere.aliases) == (("1:0", "7"), {})


def test_an_index_of_another_vendor_has_no_name_of_an_nvidia_gpu() -> None:
    here = resolver(MIG_HOST)
    grants = (_declared("environment", ["0"], "1", vendor="amd", identities=["0"]),)

    assert here.listed([service(grants=grants)], HOST)[0].aliases == {}
