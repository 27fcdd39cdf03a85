from __future__ import annotations

from typing import Any

from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.web.console.constraint_rows import ConstraintRow, constraint_rows


def constraint(name: str, policy: str = "no-a", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "policy": policy,
        "actions": {"default": "deny"},
        "match": {"repositories": [], "hosts": []},
        "exclude": {"repositories": []},
        **fields,
    }


def test_a_constraint_is_told_in_words() -> None:
    (row,) = constraint_rows(
        [
            constraint(
                "one",
                actions={"default": "warn", "ci": "deny"},
                match={"repositories": ["ml/*", "vision/*"], "hosts": []},
                exclude={"services": ["debug"]},
                parameters={"limit": 4},
                maxLease="30d",
            ),
            constraint("other", "no-b"),
        ],
        "no-a",
        EVERYTHING,
    )

    assert row == ConstraintRow(
        name="one",
        actions={"default": "warn", "ci": "deny"},
        match=["repositories: ml/*, vision/*"],
        exclude=["services: debug"],
        parameters='{"limit":4}',
        lease="30d",
    )


def test_names_of_others_are_left_out() -> None:
    visible = Visibility(repositories=("ml/train",), hosts=("gpu-0*",))
    rows = constraint_rows(
        [
            constraint("all"),
            constraint(
                "mine",
                match={"repositories": ["ml/*", "vision/secret"], "users": ["ana"]},
                parameters={"allowed": ["/srv/vision"]},
            ),
            constraint("theirs", match={"repositories": ["vision/**"]}),
            constraint("elsewhere", match={"hosts": ["gpu-11"]}),
            constraint("but", exclude={"hosts": ["gpu-01", "cpu-1"], "projects": ["x"]}),
            constraint("except", exclude={"repositories": ["vision/*"], "hosts": ["gpu-01"]}),
        ],
        "no-a",
        visible,
    )

    hidden = "hidden, because it also names places that you may not see"
    assert [row[:1] + row[2:] for row in rows] == [
        ("all", [], [], "", "", ""),
        ("mine", ["repositories: ml/*", f"users: {hidden}"], [], "", "", hidden),
        ("but", [], ["hosts: gpu-01", f"projects: {hidden}"], "", "", ""),
        ("except", [], [], "", "", ""),
    ]
