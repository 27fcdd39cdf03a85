"""A policy set with one rule of its own, to be written, changed and followed."""

from __future__ import annotations

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [rules]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: named}
spec: {policy: named, enforcementAction: deny}
"""
POLICY = """# METADATA
# title: Named
# description: A service has a name that is not allowed.
# custom:
#   id: named
#   severity: low
#   remediation: Rename it.
package policyd.policies.named

violation contains {"msg": "it is named web", "service": "web", "path": ["services", "web"]} if {
	some workload in input.workloads
	workload.name == "web"
}
"""
