#!/usr/bin/env bash
# Runs `policyd check` for the action: annotations, a job summary, and the exit code of the command.
set -euo pipefail

summary="$RUNNER_TEMP/policyd-summary.md"
arguments=(
  --format github
  "--report=markdown=$summary"
  "--repository=${GITHUB_REPOSITORY:-}"
  "--ref=${GITHUB_REF:-}"
  "--commit=${GITHUB_SHA:-}"
)
if [[ -n "${ACTION_POLICY_SET:-}" ]]; then arguments+=("--policy-set=$ACTION_POLICY_SET"); fi
if [[ -n "${ACTION_ENVIRONMENT:-}" ]]; then arguments+=("--environment=$ACTION_ENVIRONMENT"); fi
if [[ -n "${ACTION_CHANGED_SINCE:-}" ]]; then
  arguments+=("--changed-since=$ACTION_CHANGED_SINCE")
fi
if [[ -n "${ACTION_SARIF:-}" ]]; then arguments+=("--report=sarif=$ACTION_SARIF"); fi

paths=()
while IFS= read -r path; do
  if [[ -n "$path" ]]; then paths+=("$path"); fi
done <<<"${ACTION_PATHS:-}"
if [[ ${#paths[@]} -eq 0 && ! -e .policyd.yaml ]]; then arguments+=(--recursive); fi

code=0
"$RUNNER_TEMP/policyd-command" check "${arguments[@]}" -- ${paths[@]+"${paths[@]}"} || code=$?
if [[ -n "${GITHUB_STEP_SUMMARY:-}" && -e "$summary" ]]; then
  head -c 1000000 "$summary" >>"$GITHUB_STEP_SUMMARY" # GitHub drops a summary of more than 1 MiB
fi
exit "$code"
