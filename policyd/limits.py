"""Limits on the files of a project, wherever they come from: a folder, a request, a registry."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

MAX_FILE: Final = 4 * MIB
"""Bytes of one file. The largest known public Compose file stays under 1 MiB."""

MAX_BUNDLE: Final = 32 * MIB
"""Bytes of all files of a project. One request holds them in memory."""

MAX_FILES: Final = 1_000
"""Files of a project. Large projects have some dozens of includes, extends and env files."""

MAX_NAME: Final = 300
"""Bytes of a name that queries of the audit log use, such as a repository, a host or a service.
PostgreSQL indexes rows of at most 2,704 bytes, and a row has up to six names."""

MAX_PATH: Final = 4 * KIB
"""Bytes of one path: PATH_MAX of Linux."""
