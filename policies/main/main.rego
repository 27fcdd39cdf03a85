package policyd.main

import data.policyd.lib.grants
import data.policyd.router

# result is all that an engine is asked for. `router` is written by policyd for a policy set: it
# evaluates the policies that `input.constraints` names, and no others.
result := {"findings": router.findings, "grants": grants.all}
