from __future__ import annotations

import pytest

from policyd.errors import PolicySetError
from policyd.grants.tables import read_tables
from tests.support.cases import cases
from tests.support.granting import service, tables


def _read(**given: object) -> object:
    return read_tables({"policyd": {"tables": given}})


def test_family_is_found_by_its_name_or_by_its_vendor() -> None:
    known = tables()

    assert known.family_of("habana") == "habana"
    assert known.family_of("intel") == "habana"
    assert known.family_of("unknown") == "unknown"
    assert known.family_of("acme") == "acme"
    assert known.family("acme").vendor == "acme"


def test_table_of_variables_by_vendor_still_extends_the_variables() -> None:
    known = read_tables({"policyd": {"tables": {"runtimes": {"variables": {"acme": "ACME_GPUS"}}}}})

    assert known.variables == {"ACME_GPUS": "acme"}
    assert service().selectors == ()


@cases(
    ("given", "message"),
    [
        ({"nodes": {"(": "acme"}}, "policyd.tables.nodes: '(' is not a valid regular expression"),
        ({"disk_nodes": {"[": "a disk"}}, "policyd.tables.disk_nodes: '['"),
        (
            {"families": {"acme": {"rule": "acme"}}},
            "policyd.tables.families.acme.rule is 'acme'; the rules are nvidia, amd, habana, asc",
        ),
        ({"families": {"acme": {"rules": "amd"}}}, "policyd.tables: Object contains unknown field"),
        ({"drivers": {"acme": 1}}, "policyd.tables: "),
    ],
)
def test_table_that_is_not_valid_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        _read(**given)

    assert str(caught.value).startswith(message)
