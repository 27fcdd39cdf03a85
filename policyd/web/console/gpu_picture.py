"""Who held each device at which time, as a picture: where its rows and bars are.

In: the timelines of devices over one period. Out: places in units of the picture, which
`gpu_picture.html` draws as SVG. Pure. Workloads that hold a device at the same time have a lane
each, so that none hides another. Of very many bars, the shortest are left out: the table has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from policyd.audit.device_timeline import DeviceTimeline, Holding
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.usage import team

COLOURS: Final = 5
"""Colours of teams; with more teams, they are used again."""
MAX_BARS: Final = 80
"""Bars of a picture: with more, a page would exceed 60 kB."""
LEFT: Final = 96
"""Where the time begins; the names of devices are on its left."""
WIDTH: Final = 900
"""Of the time; the states of devices are on its right."""
RIGHT: Final = 124
LANE: Final = 22
TOP: Final = 26
"""Where the first row begins, below the times."""
_HEADING: Final = 24
_GAP: Final = 3
_CHARACTER: Final = 7
"""The width of a character of a label."""
_STEPS: Final = (3600, 2 * 3600, 4 * 3600, 86_400, 5 * 86_400, 10 * 86_400)
"""Seconds between two times on the axis."""
_MOST_TICKS: Final = 8
_SECOND: Final = 1_000_000_000


class Bar(NamedTuple):
    """A holding: its place, the number of its colour, 0 for a hidden one, and its label.

    `expires_soon` says that its lease ends soon after the period.
    """

    x: float
    y: int
    width: float
    colour: int
    label: str
    holding: Holding
    expires_soon: bool

    @property
    def height(self) -> int:
        """The height of every bar."""
        return LANE - 2 * _GAP


class Mark(NamedTuple):
    """A time at which several workloads hold the device of the row at `y`."""

    x: float
    y: int
    width: float
    height: int


class Row(NamedTuple):
    """A device, and the place of its row. `state` is that at the end of the period."""

    y: int
    height: int
    timeline: DeviceTimeline
    state: str


class Tick(NamedTuple):
    """A time on the axis."""

    x: float
    label: str


class Heading(NamedTuple):
    """The name of a host above its devices."""

    y: int
    host: str


class Picture(NamedTuple):
    """All that is drawn. `teams` has the number of the colour of each team."""

    height: int
    headings: list[Heading]
    rows: list[Row]
    bars: list[Bar]
    marks: list[Mark]
    ticks: list[Tick]
    teams: dict[str, int]
    left_out: int

    @property
    def width(self) -> int:
        """The width of every picture."""
        return LEFT + WIDTH + RIGHT


def picture(timelines: Sequence[DeviceTimeline], period: Period, soon: str) -> Picture:
    """Return the picture of `timelines` over `period`; a lease that ends until `soon` is marked."""
    scale = _Scale(period)
    visible = {
        team(one.repository)
        for timeline in timelines
        for one in timeline.holdings
        if one.is_visible
    }
    teams = {name: number % COLOURS + 1 for number, name in enumerate(sorted(visible))}
    headings, rows, bars, marks = list[Heading](), list[Row](), list[Bar](), list[Mark]()
    y, host = TOP, None
    for timeline in timelines:
        if timeline.device.host != host:
            host = timeline.device.host
            headings.append(Heading(y, host))
            y += _HEADING
        lanes = _lanes(timeline.holdings)
        height = LANE * max(len(lanes), 1)
        rows.append(Row(y, height, timeline, _state(timeline, soon)))
        for number, lane in enumerate(lanes):
            top = y + number * LANE + _GAP
            bars += [_bar(one, top, scale, teams, soon) for one in lane]
        for several in timeline.double_booked:
            x, width = scale.span(several)
            marks.append(Mark(x, y, width, height))
        y += height
    drawn = sorted(bars, key=lambda bar: -bar.width)[:MAX_BARS]
    shown = [bar for bar in bars if bar in drawn] if len(bars) > MAX_BARS else bars
    return Picture(
        y + 4, headings, rows, shown, marks[:MAX_BARS], list(_ticks(period, scale)),
        teams, len(bars) - len(shown),
    )  # fmt: skip


class _Scale:
    """Turns times of a period into places."""

    def __init__(self, period: Period) -> None:
        self._since = nanoseconds(period.since)
        self._length = max(nanoseconds(period.until) - self._since, 1)

    def place(self, moment: int) -> float:
        """Return where a time, in nanoseconds since the epoch, is."""
        return round(LEFT + WIDTH * (moment - self._since) / self._length, 1)

    def span(self, period: Period) -> tuple[float, float]:
        """Return where a period begins, and its width, which can be seen."""
        start = self.place(nanoseconds(period.since))
        return start, max(round(self.place(nanoseconds(period.until)) - start, 1), 1.5)


def _lanes(holdings: Iterable[Holding]) -> list[list[Holding]]:
    """Return the holdings in lanes: in one lane, none begins before the one before it ends."""
    lanes: list[list[Holding]] = []
    for one in sorted(holdings, key=lambda held: held.start):
        free = (lane for lane in lanes if lane[-1].end <= one.start)
        lane = next(free, None)
        if lane is None:
            lanes.append([one])
        else:
            lane.append(one)
    return lanes


def _bar(one: Holding, y: int, scale: _Scale, teams: dict[str, int], soon: str) -> Bar:
    x, width = scale.span(Period(one.start, one.end))
    expires_soon = one.is_held and "" < one.expires <= soon
    return Bar(
        x,
        y,
        width,
        teams[team(one.repository)] if one.is_visible else 0,
        _label(one, int((width - 8) / _CHARACTER) - 2 * expires_soon),
        one,
        expires_soon,
    )


def _label(one: Holding, room: int) -> str:
    """Return the longest end of REPOSITORY/SERVICE that fits into `room` characters, or ""."""
    parts = f"{one.repository}/{one.service}".strip("/").split("/") if one.is_visible else []
    ends = ("/".join(parts[first:]) for first in range(len(parts)))
    return next((end for end in ends if len(end) <= room), "")


def _state(timeline: DeviceTimeline, soon: str) -> str:
    held = [one for one in timeline.holdings if one.is_held]
    if len(held) > 1:
        return "⚠ double-booked"
    if any("" < one.expires <= soon for one in held):
        return "◷ expires soon"
    return "● held" if held else "○ free"


def _ticks(period: Period, scale: _Scale) -> Iterator[Tick]:
    start, end = (nanoseconds(one) // _SECOND for one in period)
    step = next(one for one in (*_STEPS, end - start) if (end - start) / one <= _MOST_TICKS)
    first = datetime.fromtimestamp(start, UTC).replace(hour=0, minute=0, second=0)
    moment = first
    while moment.timestamp() <= end:
        if moment.timestamp() >= start:
            midnight = moment.hour == 0
            label = f"{moment:%m-%d}" if midnight else f"{moment:%H:%M}"
            yield Tick(scale.place(int(moment.timestamp()) * _SECOND), label)
        moment += timedelta(seconds=step)
