"""The limits of the loader, each with its reason."""

from __future__ import annotations

from typing import Final

from policyd.limits import KIB, MIB

MAX_NODE_VISITS: Final = 100_000
"""Values in one YAML document: the limit of Compose (loader/reset.go: defaultMaxNodeVisits)."""

MAX_EXPANDED_NODES: Final = 200_000
"""Values once aliases are followed. Compose has no such limit and an alias bomb stalls it."""

MAX_DEPTH: Final = 100
"""Nesting of YAML values. The deepest path of the Compose specification has 9 levels."""

MAX_DOCUMENTS: Final = 100
"""Documents in one file: each is merged over the previous ones, so time grows with their number."""

MAX_EXACT_PARSE_BYTES: Final = 256 * KIB
"""Size of a file that needs the YAML parser in Python. It reads 0.5 MB a second, libyaml 5 MB."""

MAX_SERVICES: Final = 2_000
"""Services of a project: Rego evaluation cannot be interrupted, so its input is bounded."""

MAX_PROFILES_APART: Final = 50
"""Profiles that are tried one by one when the services of all profiles do not fit together."""

MAX_INCLUDE_DEPTH: Final = 20
"""Nested includes. Compose recurses without end in a cycle that closes through a second path."""

MAX_LOADED_FILES: Final = 500
"""Compose files parsed for one project, includes and extends counted each time they are parsed."""

MAX_EXTENDS_DEPTH: Final = 50
"""Links of a chain of `extends`."""

MAX_LIST_ITEMS: Final = 10_000
"""Items of a list with unique items: mounts, devices, variables. Each short form becomes several
values. Ports are counted as steps: "1-65535" is one line, and media servers open 10,001."""

MAX_POOL_PAIRS: Final = 100
"""Pairs of address pools that are compared when an `ipam.config` is overridden."""

MAX_TEXT_GROWTH: Final = 4 * MIB
"""Characters that aliases and variables may add to a project, which can use a long text often."""

MAX_STEPS: Final = 400_000
"""Steps of loading a project, each of one to three microseconds: values, counted anew for each file
merged over them, each service that extends them and each hook that inherits them, where 100
characters of a text count as one more value; lines, `$` and `\\` of environment files, each time
they are read; `$` in values; characters of commands; four a port of a range. Thousands of services
take 200,000."""

MAX_DURATION_CHARACTERS: Final = 100
"""Characters of a duration: "876000h59m59.999999999s" has 23."""

MAX_RESET_STEPS: Final = 100_000
"""Paths of `!reset` and `!override` in a file, counted at each level above them."""
