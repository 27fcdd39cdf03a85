#!/usr/bin/env bash
# Installs policyd from the source of the action, with the locked versions of its dependencies.
set -euo pipefail

venv="$RUNNER_TEMP/policyd"
locks="$GITHUB_ACTION_PATH/deploy/requirements"
python3 -m venv "$venv"
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps)
"${pip[@]}" --require-hashes -r "$locks/build.txt"
"${pip[@]}" --require-hashes -r "$locks/run.txt"
"${pip[@]}" --no-build-isolation "$GITHUB_ACTION_PATH"
ln -s "$venv/bin/policyd" "$RUNNER_TEMP/policyd-command"
