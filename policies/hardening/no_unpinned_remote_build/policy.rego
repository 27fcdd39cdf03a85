# METADATA
# title: Build from a remote repository
# description: "The image is built from a repository or an archive elsewhere, without a commit. What is
#   built changes without a change of the project."
# related_resources:
#   - ref: https://docs.docker.com/build/concepts/context/#remote-context
#     description: "Docker: remote build contexts"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
# custom:
#   id: no-unpinned-remote-build
#   severity: medium
#   remediation: "Name the commit after `#`: `context: https://git.example/app.git#<40 hexadecimal
#     digits>`, or build from the project."
package policyd.policies.no_unpinned_remote_build

import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	w.build != null
	is_remote(w.build.context)
	context := w.build.context
	not is_pinned(context)
	path := array.concat(w.build.path, ["context"])
	msg := sprintf("%s builds its image from a remote context without a commit", [w.title])
}

is_pinned(context) if regex.match(`#[0-9a-f]{40}(:|$)`, context)

is_remote(context) if regex.match(`^(https?|git|ssh)://|^git@|^github[.]com/`, context)
