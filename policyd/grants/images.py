"""Grants by what a well-known image sets: the selecting variable of its runtime.

In: a container. Out: declarations of the method image, and the images of which nothing is known.
Sources: Dockerfiles of nvidia/cuda and frigate; for other images field reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Final

from policyd.grants import requests, toolkit
from policyd.grants.container import Container
from policyd.grants.runtimes import UNKNOWN, VETTED
from policyd.grants.selection import RULES, Selection
from policyd.grants.tables import Tables
from policyd.model import Certainty, Path
from policyd.workloads.model import GrantDeclaration

_EMPTY_IMAGE: Final = "scratch"


def granted(container: Container, vendors_by_variable: Set[str]) -> Iterator[GrantDeclaration]:
    """Yield the grant by the image of `container`, if nothing in the project decides otherwise.

    `vendors_by_variable` are the vendors whose devices a variable of the container grants. The
    default runtime of the host decides whether the image takes effect.
    """
    family, devices = _selection(container)
    default = container.host.default_class
    if (
        not family
        or devices == ()
        or not container.has_own_image
        or container.runtime
        or default not in ("", family)
        or not toolkit.accepts_variables(container, family)
        or container.tables.family(family).vendor in vendors_by_variable
        or sets_variable_of(container, family)
        or any(requests.selects(request, container.tables) for request in container.requests)
    ):
        return
    certainty: Certainty = "certain" if default == family else "default-runtime"
    vendor = container.tables.family(family).vendor
    ids = devices if isinstance(devices, tuple) else ()
    yield GrantDeclaration(
        method="image",
        vendor=vendor,
        identities=container.identities(ids, vendor),
        devices=devices,
        path=path_of(container),
        text=f"image: {container.image}",
        certainty=certainty,
        family=family,
    )


def _selection(container: Container) -> tuple[str, Selection]:
    """Return the family whose devices the image selects, and which devices.

    A configuration that is handed over cannot take back what is known of an image.
    """
    config = container.workload.image_config
    known = image_family(container.image, container.tables)
    if known or config is None:
        return known, "all"
    default = container.host.default_class
    found = {
        family: RULES[container.tables.family(family).rule](value, family == default)
        for name, value in sorted(config.environment.items())
        if (family := container.tables.variables.get(name))
    }
    for family in (default, *found):
        if found.get(family, ()) != ():
            return family, found[family]
    if toolkit.selects_all_without_variable({**config.environment, **container.environment}):
        return toolkit.FAMILY, "all"
    return "", ()


def unknown_image(container: Container) -> str:
    """Return the image of `container` if it may select devices on the host and is not known.

    "" where the default runtime of the host gives no accelerators, or the container decides.
    """
    family = container.host.default_class
    if (
        family in ("", VETTED, UNKNOWN)
        or not container.has_own_image
        or container.runtime
        or container.image in ("", _EMPTY_IMAGE)
        or not toolkit.accepts_variables(container, family)
        or container.workload.image_config
        or image_family(container.image, container.tables)
        or sets_variable_of(container, family)
    ):
        return ""
    return container.image


def image_family(image: str, tables: Tables) -> str:
    """Return the family whose variable the image sets to all; "" for an image that is not known.

    The last two parts of the name decide, in whatever registry or mirror, with any tag or digest.
    """
    name = _short_name(image)
    known = tables.data.known_images.get(name)
    if known is not None:
        return tables.family_of(known)
    for prefix, owner in tables.image_prefixes:
        if name.startswith(prefix) and name != prefix:
            return tables.family_of(owner)
    return ""


def sets_variable_of(container: Container, family: str) -> bool:
    """Return whether the environment of `container` defines a selecting variable of `family`."""
    variables = container.tables.variables
    swarm = container.host.swarm_variables if family == toolkit.FAMILY else ()
    return any(variables.get(name) == family or name in swarm for name in container.environment)


def _short_name(image: str) -> str:
    """Return the last two parts of the name of an image, without tag and digest."""
    name = image.partition("@")[0]
    head, _, last = name.rpartition("/")
    last = last.partition(":")[0]
    return f"{head.rpartition('/')[2]}/{last}" if head else last


def path_of(container: Container) -> Path:
    """Return where the image of `container` is named in the model."""
    build = container.build
    if build is None:
        return (*container.workload.path, "image")
    return build.dockerfile_path
