"""Load the policy set, and reload it when it changes.

In: settings, and a folder for the publication. Out: publications. One thread of the main process
checks the files of the policy set every few seconds, and immediately on SIGHUP, after the settings
were read again. An invalid policy set is refused: the previous one stays in force, and the status
says why.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog

from policyd.config import Settings
from policyd.errors import PolicydError, PolicySetError
from policyd.model import Location
from policyd.policies.policy_set import PolicySet
from policyd.policies.source_files import files_of, named_by, policy_set_file
from policyd.policy_set_trial import load_after_trial
from policyd.services import LoadStatus
from policyd.serving.publication import Published, is_published, publish

SETTLE_SECONDS: Final = 0.3
"""How long files must be unchanged before they are read: editors and git write several files."""
SETTLE_LOOKS: Final = 20
"""Number of checks after which they are read even if they still change."""

Stamp = tuple[int, ...]
"""Differs if a file has changed; () if it does not exist."""

log = structlog.get_logger("policyd.rules")


class Reloader:
    """Publishes the policy set whenever its files change."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        new_settings: Callable[[], Settings] | None = None,
        put_in_force: Callable[[PolicySet], None] = lambda _: None,
    ) -> None:
        """Load the policy set and publish it in `folder`. Raises PolicySetError, EngineError.

        `new_settings` is called before a reload by `wake`, and returns the settings of then.
        `put_in_force` receives each policy set that a reload put in force.
        """
        self._settings = settings
        self._new_settings = new_settings
        self._put_in_force = put_in_force
        self._folder = folder
        self._files = _Files(Path(settings.policy_set) if settings.policy_set else None)
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._no_fork = threading.Lock()
        self._stamps = self._files.stamps()
        self._put(Published(self._load(), LoadStatus(loads=1, loaded_at=time.time_ns())))

    @property
    def policy_set(self) -> PolicySet:
        """The policy set in force."""
        return self._published.policy_set

    def start(self) -> None:
        """Start the thread. A fork waits for a running reload, which the child could not finish."""
        os.register_at_fork(
            before=self._no_fork.acquire,
            after_in_parent=self._no_fork.release,
            after_in_child=self._no_fork.release,
        )
        threading.Thread(target=self._run, name="policyd-reload", daemon=True).start()

    def wake(self) -> None:
        """Reload settings and policy set now, even if unchanged. Signal handlers may call this."""
        self._wakes.put(None)

    def check(self, forced: bool = False) -> None:
        """Reload the policy set if its files have changed, or if `forced`."""
        if not forced and self._files.stamps() == self._stamps:
            return
        self._stamps = self._settled()
        with self._no_fork:
            try:
                self._reload()
            except OSError as error:
                log.error("policy set not published", reason=str(error))

    def publish_again(self) -> bool:
        """Publish the policy set in force if its publication was removed. Return whether it was.

        Nothing is done during a reload, which publishes. Raises OSError.
        """
        if is_published(self._folder) or not self._no_fork.acquire(blocking=False):
            return False
        try:
            publish(self._folder, self._published)
        finally:
            self._no_fork.release()
        return True

    def _run(self) -> None:
        while True:
            try:
                self._wakes.get(timeout=self._settings.reload_interval or None)
            except queue.Empty:
                self.check()
            else:
                self._follow_settings()
                self.check(forced=True)

    def _follow_settings(self) -> None:
        if self._new_settings is None:
            return
        with self._no_fork:
            settings = self._new_settings()
        if settings.policy_set != self._settings.policy_set:
            self._files = _Files(Path(settings.policy_set) if settings.policy_set else None)
        self._settings = settings

    def _settled(self) -> Mapping[Path, Stamp]:
        """Return the stamps of the files once they have been unchanged for SETTLE_SECONDS."""
        stamps = self._files.stamps()
        for _ in range(SETTLE_LOOKS):
            time.sleep(SETTLE_SECONDS)
            before, stamps = stamps, self._files.stamps()
            if before == stamps:
                break
        return stamps

    def _reload(self) -> None:
        """Publish the policy set, or the reason why it is refused. Raises OSError if that fails."""
        status = self._published.status
        try:
            policy_set = self._load()
        except BaseException as error:  # noqa: BLE001 (a panic of regorus is not an Exception)
            problem = self._explained(error)
            in_force = self._published.policy_set
            log.error("policy set refused", reason=problem, in_force=in_force.revision)
            refused = msgspec.structs.replace(
                status,
                refusals=status.refusals + 1,
                refused_at=time.time_ns(),
                problem=problem,
            )
            self._put(Published(in_force, refused))
            return
        log.info("policy set loaded", name=policy_set.name, revision=policy_set.revision)
        loaded = msgspec.structs.replace(
            status, loads=status.loads + 1, loaded_at=time.time_ns(), problem=""
        )
        self._put(Published(policy_set, loaded))
        self._put_in_force(policy_set)

    def _put(self, published: Published) -> None:
        publish(self._folder, published)
        self._published = published

    def _load(self) -> PolicySet:
        """Return the policy set after a trial in another process, which it cannot harm."""
        path = self._settings.policy_set
        return load_after_trial(Path(path) if path else None)

    def _explained(self, error: BaseException) -> str:
        """Return the message of `error` without the operator's folders: /readyz shows it to all."""
        if not isinstance(error, (PolicydError, OSError)):
            log.error("internal error", exc_info=error)
            return "internal error; see the log"
        if not isinstance(error, PolicySetError) or error.where is None:
            return str(error)
        where = error.where
        file = self._files.relative(where.file)
        return f"{Location(file, where.line, where.column)}: {error.message}"


class _Files:
    """The files of a policy set. None is the built-in policy set, which never changes."""

    def __init__(self, path: Path | None) -> None:
        self._file = policy_set_file(path) if path else None
        self._read: Stamp = ()
        self._packs: list[Path] = []
        self._data: list[Path] = []

    def stamps(self) -> Mapping[Path, Stamp]:
        """Return the current stamps of all files of the policy set."""
        if self._file is None:
            return {}
        if (own := _stamp(self._file)) != self._read:
            self._packs, self._data = named_by(self._file)
            self._read = own
        found = {file: _stamp(file) for file in (self._file, *self._data)}
        for pack in self._packs:
            try:
                found |= {file: _stamp(file) for file in files_of(pack)}
            except OSError:
                found[pack] = ()
        return found

    def relative(self, file: str) -> str:
        """Return `file` relative to the folder of the policy set if it is below it."""
        return file.removeprefix(f"{self._file.parent}{os.sep}") if self._file else file


def _stamp(file: Path) -> Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
