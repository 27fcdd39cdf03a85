"""A workload as the engine would run it, with what it needs to know of its service and its host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyd.grants.identity import normal_forms
from policyd.grants.runtimes import HostSettings
from policyd.grants.tables import Tables
from policyd.model import GrantedDevices, Path
from policyd.workloads.model import Build, DeviceRequest, GrantDeclaration, Inherited, Workload

_NOTHING: Final = Inherited()


class Container:
    """One workload, its tables and its host.

    A hook counts for what it has beyond its service; `environment`, `runtime`, `requests`,
    `cap_add`, `is_privileged` and `has_kfd` are what its container has in the end.
    `own_variables` are the names that count.
    """

    def __init__(
        self, workload: Workload, service: Workload | None, tables: Tables, host: HostSettings
    ) -> None:
        """Prepare `workload`; `service` is the service of a hook, None for other workloads."""
        inherited = workload.inherited or _NOTHING
        self.workload = workload
        self.service = service
        self.tables = tables
        self.host = host
        self.build = self._build_of_image()
        baked = self.build.environment if self.build else {}
        self.environment = {**baked, **inherited.environment, **workload.environment}
        self.own_variables = self.environment.keys() if service is None else workload.environment
        self.runtime = workload.runtime or inherited.runtime
        self.runtime_class = host.class_of(self.runtime)
        self.requests: tuple[DeviceRequest, ...] = (
            *inherited.device_requests,
            *workload.device_requests,
        )
        self.cap_add = (*inherited.cap_add, *workload.cap_add)
        self.is_privileged = workload.privileged or inherited.privileged
        self.has_kfd = any(
            device.node == "/dev/kfd" for device in (*inherited.devices, *workload.devices)
        )

    @property
    def has_own_image(self) -> bool:
        """Whether the image counts: that of a hook only if its service has another one."""
        return self.service is None or self.workload.image != self.service.image

    @property
    def image(self) -> str:
        """The image, or the image that the built one starts from; "" if it is not known."""
        return self.build.base if self.build else self.workload.image

    def path_of(self, variable: str) -> Path:
        """Return where the value of an own variable stands in the model."""
        if variable in self.workload.environment or self.build is None:
            return (*self.workload.path, "environment", variable)
        return self.build.dockerfile_path

    def identities(self, ids: Iterable[str], vendor: str) -> tuple[str, ...]:
        """Return the normal forms of `ids` on the host."""
        return normal_forms(ids, vendor, self.tables.data.cdi_vendors, self.host.names)

    def selected(
        self,
        method: str,
        vendor: str,
        devices: GrantedDevices,
        path: Path,
        text: str,
        *,
        form: str = "",
        family: str = "",
    ) -> GrantDeclaration:
        """Return the grant of `devices`, "all" or ids, with their normal forms."""
        ids = devices if isinstance(devices, tuple) else ()
        return GrantDeclaration(
            method=method,
            vendor=vendor,
            devices=devices,
            path=path,
            text=text,
            identities=self.identities(ids, vendor),
            form=form,
            family=family,
        )

    def _build_of_image(self) -> Build | None:
        if self.service is None:
            return self.workload.build
        return None if self.has_own_image else self.service.build


def everything(method: str, path: Path, text: str) -> GrantDeclaration:
    """Return the grant of all devices of all vendors."""
    return GrantDeclaration(method=method, vendor="unknown", devices="all", path=path, text=text)
