"""Rows that many fields share, by the name that `@name` in the table of fields refers to.

The first line of a shape gives the types, model and rules of the field itself, the other lines are
rows below that field. `fields.py` explains the words.
"""

from __future__ import annotations

from typing import Final

SHAPES: Final[dict[str, str]] = {
    "words": "list! strings\n [] str str",
    "texts": "list strings\n [] str str",
    "word-or-words": "str|list! texts\n [] str str",
    "text-or-texts": "str|list texts\n [] str str",
    "command": "null|str|list command!\n [] str str",
    "pairs": "map|list! mapping closed keys=.+\n * str|num|bool|null any\n [] str any",
    "options": "map options open\n * str|num any",
    "hosts": (
        "map|list! hosts? closed keys=.+ merge=sequence\n * str|list any\n  [] str any\n [] str any"
    ),
    "limits": (
        "map limits open keys=^[a-z]+$\n * int|str|map any x required=soft,hard long=limit\n"
        "  hard int|str any\n  soft int|str any"
    ),
    "files": (
        "list list\n [] str|map struct x long=source\n  source str str\n  target str str\n"
        "  uid str str\n  gid str str\n  mode num|str mode?"
    ),
    "hook": (
        "map struct x required=command\n command @command\n user str str\n"
        " privileged bool|str bool\n working_dir str str\n environment @pairs variables"
    ),
    "env-files": (
        "str|list list merge=sequence unique=path long=env_file\n"
        " [] str|map struct closed required=path\n"
        "  format str str\n  path str str path=path\n  required bool|str opt-out!"
    ),
    "dependencies": (
        "list!|map map names merge=depends_on long=depends_on\n [] str any\n"
        " * map struct x required=condition\n"
        "  condition str str"
        " enum=service_started,service_healthy,service_completed_successfully\n"
        "  required bool bool! cast=bool\n  restart bool|str bool cast=bool"
    ),
    "external": "bool|str|map bool cast=bool x\n name str any",
    "open-external": "bool|str|map bool cast=bool open\n name str any",
    "update": (
        "map struct? x\n parallelism int|str uint64? cast=int\n delay str duration\n"
        " failure_action str str\n monitor str duration\n"
        " max_failure_ratio num|str float cast=float\n order str str enum=start-first,stop-first"
    ),
    "rates": (
        "list list\n [] map struct closed\n"
        "  path str str! json=Path\n  rate int|str bytes! json=Rate"
    ),
    "pull-policy": (
        "str str pattern=^(always|never|build|if_not_present|missing|refresh|daily|weekly"
        "|every_([0-9]+[wdhms])+)$"
    ),
}
