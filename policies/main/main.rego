package policyd.main

import data.policyd.router

# result is all that an engine is asked for. policyd writes the package `router` for a policy set: it
# evaluates the policies that `input.constraints` names, and no others.
result := {"findings": router.findings}
