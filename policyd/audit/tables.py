"""The tables of the audit log, on SQLite and PostgreSQL.

Every change here is a migration (`migrations/versions`) and a new `REVISION`; triggers that keep
`events` append-only are made there. Times are RFC 3339 in UTC with nanoseconds, hashes lower-case
hex, "" means unknown.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

REVISION: Final = "0019"
"""The newest migration. Databases are upgraded to it."""
KNOWN_REVISIONS: Final = (*(f"{number:04}" for number in range(1, int(REVISION))), REVISION)
"""The migrations whose tables can be read without upgrading them."""

metadata = MetaData()

_Sequence = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=False),  # 1, 2, 3 … no gaps
    Column("time", Text, nullable=False),  # RFC 3339, the payload's `timestamp`
    Column("kind", Text, nullable=False),  # "decision", or one of `log_event.KINDS`
    Column("payload", Text, nullable=False),  # JSON text as hashed; "" once retention removed it
    Column("prev_hash", Text, nullable=False),  # hex SHA-256 of the previous event
    Column("hash", Text, nullable=False),  # hex SHA-256(prev_hash bytes + payload bytes)
    # These columns repeat parts of the payload, for queries; `verify` compares them.
    Column("decision_id", Text, nullable=False, unique=True),  # of another kind: the event's id
    Column("allowed", Boolean, nullable=False),
    Column("enforcement_point", Text, nullable=False),  # as in the review
    Column("repository", Text, nullable=False),  # as in the review's source
    Column("commit_id", Text, nullable=False),  # as in the review's source; a registry's digest
    Column("environment", Text, nullable=False),  # as in the review's source
    Column("project", Text, nullable=False),  # name of the Compose project
    Column("policies", Text, nullable=False),  # ids that reported, sorted: " no-a no-b "
    Column("host", Text, nullable=False),  # as in the review's source
    Column("username", Text, nullable=False),  # who asked
    Index("events_by_kind", "kind", "time", "sequence"),
    Index("events_by_repository", "repository", "time", "sequence"),
    Index("events_by_host", "host", "time", "sequence"),
    Index("events_by_user", "username", "time", "sequence"),
    Index("events_by_project", "project", "time", "sequence"),
    Index("events_by_commit", "commit_id", "time", "sequence"),
    Index("events_by_environment", "environment", "time", "sequence"),
    Index("events_by_point", "enforcement_point", "time", "sequence"),
    Index("events_by_verdict", "allowed", "time", "sequence"),
)
REPORTED: Final = events.c.policies != literal_column("' '")
"""Some policies reported violations in the event."""
Index(
    "events_with_violations",
    *(events.c.time, events.c.sequence, events.c.policies, events.c.allowed),
    *(events.c.enforcement_point, events.c.repository, events.c.environment, events.c.host),
    sqlite_where=REPORTED,
    postgresql_where=REPORTED,
)

Index(
    "events_by_policies",
    *(events.c.policies, events.c.time, events.c.sequence),
    sqlite_where=REPORTED,
    postgresql_where=REPORTED,
)

heads = Table(
    "heads",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: there is one log
    Column("sequence", BigInteger, nullable=False),  # of the last event, 0 before the first
    Column("hash", Text, nullable=False),  # of the last event
)

grants = Table(
    "grants",
    metadata,
    Column("sequence", _Sequence, nullable=False),  # of the event that granted
    Column("position", Integer, nullable=False),  # in the decision's list of grants, from 0
    Column("decision_id", Text, nullable=False),
    Column("time", Text, nullable=False),  # RFC 3339, when it was granted
    Column("repository", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("vendor", Text, nullable=False),  # "nvidia", "amd" …
    Column("method", Text, nullable=False),  # the route: "gpus", "runtime", "device-node" …
    Column("devices", Text, nullable=False),  # JSON: "all", [ids or nodes] or {"count": n}
    Column("replicas", BigInteger, nullable=False),  # containers that get it
    Column("username", Text, nullable=False),  # who asked
    Column("policy_set", Text, nullable=False),  # name of the policy set that allowed it
    Column("revision", Text, nullable=False),  # "sha256:…" of that policy set
    Column("state", Text, nullable=False),  # active | superseded | released | revoked
    # RFC 3339, when it stops or stopped being active; "" if that is not known. A grant with a lease
    # is active until then, although its state does not change.
    Column("ended", Text, nullable=False),
    # The rest is NULL, for unknown, in grants of versions that did not record it.
    Column("kind", Text),  # service | hook | job
    Column("hook", Integer),  # index of a hook in its service's pre_start; NULL for other kinds
    Column("schedule", Text),  # JSON: [cron expressions that start a job]
    Column("certainty", Text),  # certain | default-runtime | unknown
    Column("identities", Text),  # JSON: [normal forms of the devices, sorted], [] if not known
    Column("aliases", Text),  # JSON: {identity: [its other names on the host]}
    Column("exceptions", Text),  # JSON: [exceptions without which it would be denied, sorted]
    Column("expires", Text),  # RFC 3339, the end of its lease; NULL if it has none
    Column("entitlements", Text),  # JSON: [entitlements that cover it, sorted]
    Column("constraints", Text),  # JSON: [constraints that could have denied it, sorted]
    PrimaryKeyConstraint("sequence", "position"),
    Index("grants_by_target", "state", "repository", "project", "environment", "host"),
    Index("grants_by_time", "time", "sequence", "position", "ended"),
    Index("grants_by_state", "state", "time", "sequence", "position"),
    Index("grants_by_host", "host", "time", "sequence", "position", "ended"),
    Index("grants_by_host_and_state", "host", "state", "time", "sequence", "position"),
    Index("grants_by_user", "username", "time", "sequence", "position"),
    Index("grants_by_repository", "repository", "time", "sequence", "position"),
    Index("grants_by_project", "project", "time", "sequence", "position"),
    Index("grants_by_environment", "environment", "time", "sequence", "position"),
)

OF_ALL_DEVICES: Final = grants.c.devices == literal_column("'\"all\"'")
"""The grant is one of all devices."""
Index(
    "grants_of_all_devices",
    grants.c.sequence,
    sqlite_where=OF_ALL_DEVICES,
    postgresql_where=OF_ALL_DEVICES,
)

grant_devices = Table(
    "grant_devices",
    metadata,
    # Repeats the identities and aliases of grants, for queries; `verify` compares them.
    Column("sequence", _Sequence, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("name", "sequence", "position"),
    Index("grant_devices_by_grant", "sequence", "position"),
)

grant_summaries = Table(
    "grant_summaries",
    metadata,
    # Repeats who held what in past days (`grant_summaries`), for queries; `verify` compares them.
    Column("since", Text, primary_key=True),  # RFC 3339, the end of the previous summary
    Column("until", Text, nullable=False),  # RFC 3339, a midnight; no later event is before it
    Column("held", LargeBinary, nullable=False),  # events whose grants were held at its end
    Column("content", LargeBinary, nullable=False),  # holders, with grants and times
    Index("grant_summaries_by_end", "until"),
)

exception_uses = Table(
    "exception_uses",
    metadata,
    # Repeats the exceptions of decisions, for queries; `verify` compares them.
    Column("exception", Text, nullable=False),
    Column("policy_set", Text, nullable=False),  # the name of the policy set that has it
    Column("sequence", _Sequence, nullable=False),  # of the decision that it changed
    PrimaryKeyConstraint("exception", "sequence"),
)

targets = Table(
    "targets",
    metadata,
    # Repeats the last decision on each target (`target_states`), for queries; `verify` compares it.
    Column("repository", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # of the decision
    Column("allowed", Boolean, nullable=False),
    Column("operation", Text, nullable=False),  # CHECK | CREATE | UPDATE | DELETE
    PrimaryKeyConstraint("repository", "project", "environment", "host"),
    Index("targets_by_sequence", "sequence"),
)

open_violations = Table(
    "open_violations",
    metadata,
    # The violations that the last evaluation of each target reported; `verify` compares them.
    Column("repository", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("service", Text, nullable=False),  # "" for the project
    Column("denies", Boolean, nullable=False),  # whether one of them denied
    Column("first", BigInteger, nullable=False),  # event since which each evaluation reports them
    Column("first_time", Text, nullable=False),  # RFC 3339
    Column("last", BigInteger, nullable=False),  # event of the last evaluation
    Column("last_time", Text, nullable=False),  # RFC 3339
    PrimaryKeyConstraint("repository", "project", "environment", "host", "policy", "service"),
)

documents = Table(
    "documents",
    metadata,
    # What events name by its digest, each once.
    Column("digest", Text, primary_key=True),  # "sha256:…" of the content before compression
    Column("content", LargeBinary, nullable=False),  # compressed with zlib
)

tree_nodes = Table(
    "tree_nodes",
    metadata,
    # Hashes of the complete subtrees of the Merkle tree over the events (`tree.py`).
    Column("level", Integer, nullable=False),  # the height: 0 for leaves
    Column("position", BigInteger, nullable=False),  # from the left: leaf N - 1 is event N
    Column("hash", LargeBinary, nullable=False),  # 32 bytes
    PrimaryKeyConstraint("level", "position"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", _Sequence, primary_key=True, autoincrement=False),  # number of events
    Column("root", Text, nullable=False),  # hex, of the tree of these events
    Column("note", Text, nullable=False),  # the signed note
    Column("time", Text, nullable=False),  # RFC 3339, when it was signed
)

pushes = Table(
    "pushes",
    metadata,
    Column("number", _Sequence, primary_key=True, autoincrement=True),  # in order of arrival
    Column("registry", Text, nullable=False),  # its name in the settings
    Column("event_id", Text, nullable=False),  # the registry's id of the notification's event
    Column("repository", Text, nullable=False),  # as the registry names it
    Column("digest", Text, nullable=False),  # of the pushed manifest
    Column("tag", Text, nullable=False),
    Column("actor", Text, nullable=False),  # who pushed
    Column("source", Text, nullable=False),  # the repository that the review states
    Column("received", Text, nullable=False),  # RFC 3339
    Column("state", Text, nullable=False),  # waiting | running | done | failed
    Column("error", Text, nullable=False),  # of the last attempt, "" if there is none
    Column("attempts", Integer, nullable=False),  # that were started
    # RFC 3339: the next attempt of a waiting push; the time after which a running one counts as
    # abandoned; the end of the last attempt of the others.
    Column("due", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),  # JSON: the event of a forge
    UniqueConstraint("registry", "event_id"),
    Index("pushes_by_state", "registry", "state", "due"),
    Index("pushes_by_digest", "registry", "digest"),
)

inputs = Table(
    "inputs",
    metadata,
    # The projects of decisions, without values (`policyd.recorded_input`). Rows may be deleted.
    Column("digest", Text, primary_key=True),  # "sha256:…" of the JSON
    Column("used", Text, nullable=False),  # YYYY-MM-DD, the day of its last decision
    Column("content", LargeBinary, nullable=False),  # the JSON, compressed by zlib
)

job_repositories = Table(
    "job_repositories",
    metadata,
    Column("issuer", Text, nullable=False),  # its name in the settings
    Column("repository", Text, nullable=False),  # with the prefix of the issuer, in lower case
    Column("repository_id", Text, nullable=False),  # as the first token stated it
    Column("owner_id", Text, nullable=False),  # as the first token stated it
    PrimaryKeyConstraint("issuer", "repository"),
)

job_tokens = Table(
    "job_tokens",
    metadata,
    Column("issuer", Text, nullable=False),  # its name in the settings
    Column("token_id", Text, nullable=False),  # the claim jti
    Column("expires", BigInteger, nullable=False),  # seconds since the epoch; deleted afterwards
    Column("uid", Text, nullable=False),  # of the review that may grant
    PrimaryKeyConstraint("issuer", "token_id"),
    Index("job_tokens_by_expiry", "expires"),
)

forge_comments = Table(
    "forge_comments",
    metadata,
    Column("forge", Text, nullable=False),  # its name in the settings
    Column("repository_id", BigInteger, nullable=False),  # its number at the forge
    Column("number", BigInteger, nullable=False),  # of the pull request
    Column("comment", BigInteger, nullable=False),  # the id of our comment
    PrimaryKeyConstraint("forge", "repository_id", "number"),
)

issuer_key_sets = Table(
    "issuer_key_sets",
    metadata,
    Column("issuer", Text, primary_key=True),  # its URL
    Column("content", LargeBinary, nullable=False),  # the key set as the issuer published it
    Column("read", BigInteger, nullable=False),  # seconds since the epoch
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # hex SHA-256 of the id, which only the browser has
    Column("token", Text, nullable=False),  # hex SHA-256 of a token, "" for a signed-in user
    Column("permissions", Text, nullable=False),  # JSON of what a signed-in user may do, or ""
    Column("expires", BigInteger, nullable=False),  # seconds since the epoch
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # hex SHA-256 of the token
    Column("token", Text, nullable=False),  # JSON: owner, scopes and limits
    Column("created", Text, nullable=False),  # RFC 3339
    Column("created_by", Text, nullable=False),  # the user of the machine
    Column("expires", Text, nullable=False),  # RFC 3339, "" for never
    Column("revoked", Text, nullable=False),  # RFC 3339, "" if it is not
)
