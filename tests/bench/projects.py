"""Projects to measure with: 8 services, some 160 lines, each distinct by its number."""

from __future__ import annotations

from pathlib import Path

_HEAD = """\
name: shop-{number}

x-logging: &logging
  driver: json-file
  options:
    max-size: 10m
    max-file: "3"

services:
"""

_SERVICE = """\
  {service}:
    image: ghcr.io/acme/{service}:${{TAG:-1.{number}.0}}
    logging: *logging
    environment:
      DATABASE_URL: postgres://shop@db-{number}/shop
    ports:
      - "127.0.0.1:{port}:8080"
    volumes:
      - {service}-data:/var/lib/{service}
    networks:
      - backend
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8080/healthz"]
    deploy:
      resources:
        limits:
          memory: 512M
"""

_GPU = """\
        reservations:
          devices:
            - driver: nvidia
              device_ids: ["{number}"]
              capabilities: [gpu]
"""

SERVICES = ("gateway", "catalogue", "cart", "orders", "search", "mailer", "images", "trainer")


def services(count: int) -> tuple[str, ...]:
    """Return the names of `count` services."""
    return tuple(
        f"{SERVICES[place % len(SERVICES)]}{place // len(SERVICES) or ''}" for place in range(count)
    )


def project(number: int, names: tuple[str, ...] = SERVICES) -> str:
    """Return the Compose file of project `number`; the last of its services reserves a GPU."""
    parts = [_HEAD.format(number=number)]
    for place, service in enumerate(names):
        parts.append(_SERVICE.format(service=service, number=number, port=8000 + place))
    parts.append(_GPU.format(number=number))
    parts.append("\nvolumes:\n" + "".join(f"  {service}-data:\n" for service in names))
    parts.append("\nnetworks:\n  backend:\n")
    return "".join(parts)


def write_projects(folder: Path, count: int) -> list[str]:
    """Write projects 0 to `count` - 1 below `folder`, a folder each, and return their paths."""
    paths = []
    for number in range(count):
        place = folder / f"project-{number:04}"
        place.mkdir(parents=True)
        (place / "compose.yaml").write_text(project(number))
        paths.append(str(place))
    return paths
