"""Write the files of a new policy: Rego, test, samples and constraint, ready to run.

In: the ID of the policy and a folder. Out: the files that were written. Nothing is overwritten.
Errors: ConfigError for an ID that is not valid or already in use, and for a policy set that does
not name the pack.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from policyd.errors import ConfigError
from policyd.policies.manifests import kind_of, read_heading
from policyd.policies.packs import ID, built_in, read_text
from policyd.policies.policy_set import POLICY_SET_FILE
from policyd.policies.yaml_documents import documents

_POLICY: Final = """\
# METADATA
# title: {title}
# description: Explain what can happen to a project that violates the policy.
# custom:
#   id: {id}
#   severity: medium
#   remediation: "Explain how to fix the project."
#   parameters:
#     modes:
#       type: array
#       items: {{type: string}}
#       default: [host]
#       description: The network modes that are not allowed.
package policyd.policies.{package}

import data.policyd.lib.workload

violation contains object.union(found, {{"constraint": c.name}}) if {{
	some c in input.constraints["{id}"]
	some w in input.workloads
	w.network_mode in c.parameters.modes
	found := workload.finding(w, ["network_mode"], message(w))
}}

message(w) := sprintf("%s has the network mode %s", [w.title, w.network_mode])
"""
_TEST: Final = """\
package policyd.policies.{package}_test

import data.policyd.lib.fixture
import data.policyd.policies.{package}

test_network_of_the_host_is_reported if {{
	{package}.violation == {{{{
		"constraint": "c",
		"msg": "service web has the network mode host",
		"service": "web",
		"path": ["services", "web", "network_mode"],
	}}}} with input as review({{"network_mode": "host"}})
}}

test_other_network_is_not_reported if {{
	{package}.violation == set() with input as review({{"network_mode": "bridge"}})
}}

review(fields) := {{
	"constraints": {{"{id}": [{{"name": "c", "parameters": {{"modes": ["host"]}}}}]}},
	"workloads": [fixture.service("web", fields)],
}}
"""
# The second line names the policy: without it, other policies of the pack report too.
_SAMPLE: Final = """\
# expect: {expected}
# constraints: {{{id}: {{}}}}
services:
  web:
    image: registry.example/web:1
    network_mode: {mode}
"""
_HEADING: Final = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {{name: {name}}}
spec:
  packs: [{pack}]
"""
_CONSTRAINT: Final = """\
---
apiVersion: policyd/v1
kind: Constraint
metadata: {{name: {id}}}
spec:
  policy: {id}
  enforcementAction: warn
"""


def write_policy(policy_id: str, folder: Path, pack: str) -> list[Path]:
    """Write the policy `policy_id` into the pack `pack` of the policy set in `folder`.

    Return the files that were written or extended. A missing policy set is created; the
    constraint is added to the end of an existing one.
    """
    if not ID.fullmatch(policy_id) or policy_id[0].isdigit():
        raise ConfigError(
            f"invalid policy ID {policy_id!r}: use lower-case letters, digits and dashes, and "
            "begin with a letter"
        )
    if (built_in() / pack).is_dir():
        raise ConfigError(f"--pack {pack} is a built-in pack; choose another name for the folder")
    package = policy_id.replace("-", "_")
    place = folder / pack / package
    if place.exists():
        raise ConfigError(f"{place} already exists; choose another ID")
    words = {
        "id": policy_id,
        "package": package,
        "title": policy_id.replace("-", " ").capitalize(),
    }
    contents = {
        place / "policy.rego": _POLICY.format(**words),
        place / "policy_test.rego": _TEST.format(**words),
        place / "samples/denied/compose.yaml": _SAMPLE.format(
            **words, expected=policy_id, mode="host"
        ),
        place / "samples/allowed/compose.yaml": _SAMPLE.format(
            **words, expected="nothing", mode="bridge"
        ),
        folder / POLICY_SET_FILE: _policy_set(folder, pack) + _CONSTRAINT.format(**words),
    }
    for file, text in contents.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    return list(contents)


def _policy_set(folder: Path, pack: str) -> str:
    """Return the text of the policy set in `folder`, or of a new one."""
    file = folder / POLICY_SET_FILE
    if not file.exists():
        return _HEADING.format(name=folder.absolute().name or "policies", pack=pack)
    text = read_text(file)
    for document in documents(text, str(file)):
        if kind_of(document) == "PolicySet":
            packs = {value.text() for value in read_heading(document).packs}
            if pack not in packs:
                raise ConfigError(
                    f"{file} does not name the pack {pack}; add it to spec.packs, or choose one of "
                    f"{', '.join(sorted(packs))}"
                )
    return text if text.endswith("\n") else f"{text}\n"
