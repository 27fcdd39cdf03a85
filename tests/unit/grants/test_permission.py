from __future__ import annotations

from collections.abc import Iterator

from policyd.grants.entitlements import Entitlements
from policyd.grants.permission import Permission, Permissions
from policyd.model import Exempted
from policyd.policies.organisation_data import Entitlement
from policyd.workloads.model import GrantDeclaration
from tests.support.cases import cases
from tests.support.granting import service


def _declared(*path: str | int) -> GrantDeclaration:
    return GrantDeclaration("cdi", "nvidia", ("a",), ("services", "app", *path), "", ("a",))


def _exempted(exception: str, path: tuple[str | int, ...], action: str = "deny") -> Exempted:
    return Exempted("p", "c", action, "high", "m", "", path=path, exception=exception)


def test_exceptions_of_a_grant_are_those_from_denials_of_its_declarations() -> None:
    declarations = (_declared("devices", 0), _declared("devices", 1))
    exempted = (
        _exempted("below", ("services", "app", "devices", 1, "source")),
        _exempted("at", ("services", "app", "devices", 1)),
        _exempted("at", ("services", "app", "devices", 0)),
        _exempted("above", ("services", "app")),
        _exempted("beside", ("services", "app", "devices", 2)),
        _exempted("other-service", ("services", "api", "devices", 0)),
        _exempted("other-key", ("services", "app", "privileged")),
        _exempted("warned", ("services", "app", "devices", 0), "warn"),
    )

    found = Permissions(exempted).of(service(grants=declarations), declarations)

    assert found == Permission(("above", "at", "below"), None, None)


@cases("is_needed", [True, False])
def test_a_grant_names_the_constraints_on_its_service_and_the_entitlements(is_needed: bool) -> None:
    asked: list[str] = []

    def constraints(name: str) -> Iterator[str]:
        asked.append(name)
        return iter(("b", "a"))

    declarations = (_declared("devices", 0),)
    own = Entitlement(vendors=("nvidia",), methods=("cdi",), devices=("a",))
    permissions = Permissions(
        (), constraints, Entitlements({"own": own}, {}) if is_needed else None
    )
    found = [permissions.of(service(grants=declarations), declarations) for _ in range(2)]

    assert found == [Permission((), ("own",) if is_needed else (), ("a", "b"))] * 2
    assert asked == ["app"]
