"""Generate the Rego that evaluates the policies of a policy set.

In: policies. Out: the module `policyd.router`. Its rule `findings` collects the violations of the
policies that `input.constraints` names, each with the ID of its policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyd.policies.packs import Policy

ROUTER: Final = "router.rego"
"""The name of the generated module."""

_ROUTE: Final = """\
findings contains object.union(found, {{"policy": "{0}"}}) if {{
\tinput.constraints["{0}"]
\tsome found in {1}
}}
"""
_PLAIN_ROUTE: Final = """\
findings contains plain("{0}", found) if {{
\tinput.constraints["{0}"]
\tsome found in {1} with input as model
}}
"""
_PLAIN_RESULTS: Final = """\
model := object.union(input.project, input)

plain(policy, found) := {"policy": policy, "msg": found} if is_string(found)

else := object.union(placed(found), {"policy": policy, "msg": found.msg}) if is_string(found.msg)

else := {"policy": policy, "msg": "the rule returned neither a string nor an object with msg"}

placed(found) := {"service": found.service, "path": found.path} if {
\tis_string(found.service)
\tis_array(found.path)
\tevery key in found.path {
\t\tis_key(key)
\t}
}

else := {}

is_key(key) if is_string(key)

is_key(key) if {
\tis_number(key)
\tkey == floor(key)
}
"""


def router(policies: Iterable[Policy]) -> str:
    """Return the Rego that evaluates the policies named in `input.constraints`, and no others.

    For plain conftest rules, the input also has the keys of the effective model. Such a rule may
    return strings instead of objects.
    """
    ordered = sorted(policies, key=lambda policy: policy.id)
    rules = [
        (_PLAIN_ROUTE if policy.plain_action else _ROUTE).format(policy.id, policy.rule)
        for policy in ordered
    ]
    if any(policy.plain_action for policy in ordered):
        rules.insert(0, _PLAIN_RESULTS)
    return "\n".join(["package policyd.router\n", *(rules or ["findings := []\n"])])
