"""Who is told about decisions, for example to count them. In: decisions. Out: nothing."""

from __future__ import annotations

from typing import Final, Protocol

from policyd.model import Decision, Review


class Observer(Protocol):
    """Receives each decision, for example to count it."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Receive a recorded decision and the time that it took."""

    def not_recorded(self) -> None:
        """Receive the news that a decision could not be recorded."""

    def ignored(self, failure: str) -> None:
        """Receive the kind of a failure in spite of which a decision was given."""


class NullObserver:
    """An observer that ignores everything."""

    def decided(self, review: Review, decision: Decision, seconds: float) -> None:
        """Do nothing."""

    def not_recorded(self) -> None:
        """Do nothing."""

    def ignored(self, failure: str) -> None:
        """Do nothing."""


NULL_OBSERVER: Final = NullObserver()
