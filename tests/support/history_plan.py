"""The plan of the made-up history: which team asks for what, when and where.

In: the end, the number of days and of reviews. Out: requests, in the order of their times. The same
arguments always return the same plan.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from policyd.model import EnforcementPoint, Operation
from tests.support.history_rules import uuid

Fault = Literal[
    "", "all", "five", "privileged", "docker-socket", "runtime", "nodes", "registry", "owner",
    "pid", "broken",
]  # fmt: skip
"""What is wrong with a project; "" for nothing."""


class Place(NamedTuple):
    """Where a project runs, and the GPUs that it gets there."""

    environment: str
    host: str
    gpus: tuple[int, ...] = ()


class Project(NamedTuple):
    """A project of a team. A batch project is removed again after some hours."""

    repository: str
    service: str
    users: tuple[str, ...]
    places: tuple[Place, ...]
    faults: tuple[Fault, ...]
    is_batch: bool = False
    always: Fault = ""
    """What every version of the project has, because an exception covers it."""


class Request(NamedTuple):
    """A review that is asked for."""

    time: datetime
    project: Project
    place: Place
    fault: Fault
    operation: Operation
    point: EnforcementPoint
    user: str
    commit: str


PROJECTS: Final = (
    Project(
        "ml/train", "trainer", ("ana", "ben"),
        (Place("prod", "gpu-01", (0, 1, 2)), Place("staging", "gpu-03", (0,))),
        ("all", "five", "runtime"), is_batch=True,
    ),
    Project(
        "ml/serving", "triton", ("ana", "cleo"),
        (Place("prod", "gpu-01", (3,)), Place("prod", "gpu-02", (0,))), ("owner", "registry"),
    ),
    Project(
        "ml/notebooks", "jupyter", ("ben", "dmitri"), (Place("dev", "gpu-03", (1,)),),
        ("docker-socket", "all"), always="registry",
    ),
    Project(
        "vision/detector", "detector", ("eva", "farid"),
        (Place("prod", "gpu-01", (4, 5)), Place("staging", "gpu-03", (2,))), ("nodes", "owner"),
    ),
    Project(
        "vision/segmenter", "segmenter", ("farid",), (Place("prod", "gpu-01", (5,)),),
        ("runtime", "privileged"), is_batch=True,
    ),
    Project("vision/labelling", "web", ("eva",), (Place("prod", "gpu-01"),), ("registry",)),
    Project("speech/asr", "decoder", ("gita",), (Place("prod", "gpu-02", (1,)),), ("all", "owner")),
    Project("speech/tts", "vocoder", ("gita",), (Place("prod", "gpu-02", (2,)),), ("nodes",)),
    Project(
        "research/llm", "pretrain", ("ines",),
        (Place("prod", "gpu-02", (3,)),), ("all", "broken"), is_batch=True,
    ),
    Project(
        "research/protein", "fold", ("ines", "jonas"),
        (Place("prod", "gpu-01", (6,)), Place("dev", "gpu-03", (3,))), ("five", "docker-socket"),
        is_batch=True,
    ),
    Project(
        "platform/monitoring", "exporter", ("kai",),
        tuple(Place("prod", host) for host in ("gpu-01", "gpu-02", "gpu-03")),
        ("privileged",), always="pid",
    ),
    Project("platform/proxy", "proxy", ("lena",), (Place("prod", "gpu-02"),), ("docker-socket",)),
)  # fmt: skip
_BY_REPOSITORY: Final = {project.repository: project for project in PROJECTS}
_REVIEWS_OF_A_CHANGE: Final = 2.55
"""On average: the check of the pull request, the deployment, repetitions, the removal."""
_WEEKEND: Final = 5


def plan(end: datetime, days: int, reviews: int) -> list[Request]:
    """Return about `reviews` requests of the `days` before `end`, in the order of their times."""
    chance = random.Random(f"{days} {reviews}")
    begin = end - timedelta(days=days)
    weights = [
        (0.2 if (begin + timedelta(days=day)).weekday() >= _WEEKEND else 1.0) for day in range(days)
    ]
    changes = max(int(reviews / _REVIEWS_OF_A_CHANGE), len(PROJECTS))
    requests = [*_first_deployments(begin, chance), *_last_hours(end)]
    for day in chance.choices(range(days), weights, k=changes):
        # Around 13:00, if the history ends at 16:00.
        hours = min(max(chance.gauss(21, 2.5), 0), 23.9)
        time = begin + timedelta(days=day, hours=hours, seconds=chance.randrange(3600))
        requests += _change(chance, chance.choice(PROJECTS), time)
    return sorted(
        (one for one in requests if begin <= one.time <= end), key=lambda one: (one.time, one[4:])
    )


def _first_deployments(begin: datetime, chance: random.Random) -> Iterator[Request]:
    """Yield a deployment of each project at each place, at the beginning."""
    time = begin
    for project in PROJECTS:
        for place in project.places:
            time += timedelta(minutes=7)
            yield Request(
                time,
                project,
                place,
                project.always,
                "CREATE",
                "ci",
                project.users[0],
                _commit(chance),
            )


def _change(chance: random.Random, project: Project, time: datetime) -> Iterator[Request]:
    """Yield the reviews of a change: it is checked, deployed, and perhaps repeated or removed."""
    place, user, commit = (
        chance.choice(project.places),
        chance.choice(project.users),
        _commit(chance),
    )
    is_faulty = chance.random() < 0.22
    fault = chance.choice(project.faults) if is_faulty else project.always

    def request(
        minutes: float, operation: Operation, point: EnforcementPoint, fault: Fault
    ) -> Request:
        when = time + timedelta(minutes=minutes)
        return Request(when, project, place, fault, operation, point, user, commit)

    if chance.random() < 0.55:
        yield request(0, "CHECK", "forge", fault)
        if is_faulty and chance.random() < 0.5:
            commit, fault = _commit(chance), project.always
            yield request(25, "CHECK", "forge", fault)
    if chance.random() < 0.15:
        yield request(30, "CHECK", "registry", fault)
    yield request(40, "UPDATE", "ci", fault)
    if fault not in ("", "owner", project.always):
        commit = _commit(chance)
        yield request(40 + chance.randrange(8, 90), "UPDATE", "ci", project.always)
    if chance.random() < 0.3:
        yield request(140, "CREATE", "daemon", project.always)
    if project.is_batch:
        yield request(140 + chance.randrange(180, 1500), "DELETE", "ci", "")


def _last_hours(end: datetime) -> Iterator[Request]:
    """Yield what happened last, so that a look at today and yesterday always finds something."""
    for hours, repository, place, fault, operation, point in (
        (25, "ml/train", 0, "all", "UPDATE", "ci"),
        (24.5, "ml/train", 0, "", "UPDATE", "ci"),
        (6, "research/protein", 0, "", "CREATE", "ci"),
        (5, "vision/detector", 0, "", "UPDATE", "ci"),
        (4.2, "vision/segmenter", 0, "", "CREATE", "ci"),  # GPU 5 is the detector's
        (4, "speech/asr", 0, "registry", "UPDATE", "ci"),  # by break-glass
        (3.5, "ml/notebooks", 0, "registry", "UPDATE", "ci"),
        (2, "research/llm", 0, "all", "UPDATE", "ci"),
        (1.5, "vision/labelling", 0, "registry", "CHECK", "forge"),
        (1, "platform/proxy", 0, "docker-socket", "UPDATE", "ci"),
        (0.5, "ml/train", 1, "runtime", "UPDATE", "ci"),
        (0.2, "vision/segmenter", 0, "privileged", "CREATE", "daemon"),
        (0.1, "ml/serving", 0, "", "UPDATE", "ci"),
    ):
        project = _BY_REPOSITORY[repository]
        yield Request(
            end - timedelta(hours=hours), project, project.places[place], fault, operation, point,
            project.users[0], f"{int(hours * 10):040x}",
        )  # type: ignore[arg-type]  # fmt: skip


def _commit(chance: random.Random) -> str:
    return f"{chance.getrandbits(160):040x}"


def compose_file(request: Request) -> str:
    """Return the Compose file of the project as the request has it."""
    project, place, fault = request.project, request.place, request.fault
    registry = "docker.io" if fault == "registry" else "registry.acme.example"
    lines = [
        f"name: {project.repository.partition('/')[2]}",
        "services:",
        f"  {project.service}:",
        f"    image: {registry}/{project.repository}:1",
    ]
    if fault != "owner":
        lines.append(f"    labels: {{acme.example/owner: {project.repository.partition('/')[0]}}}")
    lines += _devices(place, fault)
    lines += {
        "privileged": ["    privileged: true"],
        "docker-socket": ["    volumes: ['/var/run/docker.sock:/var/run/docker.sock']"],
        "runtime": ["    runtime: nvidia", "    environment: {NVIDIA_VISIBLE_DEVICES: all}"],
        "nodes": ["    devices: ['/dev/nvidia0:/dev/nvidia0', '/dev/nvidiactl:/dev/nvidiactl']"],
        "pid": ["    pid: host"],
        "broken": ["    ports: ['80000:80']"],
    }.get(fault, [])
    if project.repository == "ml/serving":
        lines += ["  cache:", "    image: registry.acme.example/mirror/redis:7"]
    return "\n".join(lines) + "\n"


def _devices(place: Place, fault: Fault) -> list[str]:
    if fault == "all":
        devices = "count: all"
    elif fault == "five":
        devices = "count: 5"
    elif not place.gpus:
        return []
    elif place.environment == "prod":
        devices = f"device_ids: [{', '.join(uuid(place.host, index) for index in place.gpus)}]"
    else:
        devices = f"device_ids: [{', '.join(repr(str(index)) for index in place.gpus)}]"
    return [f"    gpus: [{{driver: nvidia, capabilities: [gpu], {devices}}}]"]
