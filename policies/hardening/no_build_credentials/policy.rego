# METADATA
# title: Credential for a build
# description: "The build gets the SSH agent of the person or the job that builds, or a build argument that is
#   named like a credential. Every command of the Dockerfile can use the agent, and the history of the image
#   shows build arguments."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.10"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 12: use Docker secrets for sensitive data"
#   - ref: https://docs.docker.com/build/building/secrets/
#     description: "Docker: build secrets"
# custom:
#   id: no-build-credentials
#   severity: medium
#   remediation: "Pass the credential with `build.secrets`, and use it with `RUN --mount=type=secret`. For
#     sources, use a deploy token that can only read."
package policyd.policies.no_build_credentials

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in workload.containers
	w.build != null
	count(workload.keys(w).build.ssh) > 0
	path := array.concat(w.build.path, ["ssh"])
	msg := sprintf("the build of %s can use an SSH agent or key", [w.title])
}

violation contains workload.at(w, path, msg) if {
	some w in workload.containers
	w.build != null
	some name, value in workload.keys(w).build.args
	environment.is_credential(name)
	path := array.concat(w.build.path, ["args", name])
	environment.may_contain(path, value)
	msg := sprintf("the build of %s gets the credential %s as an argument", [w.title, name])
}
