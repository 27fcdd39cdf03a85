"""Forges: one adapter for each kind. An adapter verifies and parses; it opens no socket."""

from __future__ import annotations

from typing import Final

from policyd.forges.contract import Forge
from policyd.forges.gitea import Gitea
from policyd.forges.github import GitHub
from policyd.forges.gitlab import GitLab

FORGES: Final[dict[str, Forge]] = {"github": GitHub(), "gitlab": GitLab(), "gitea": Gitea()}
"""The adapters, by the kind in the settings. `gitea` is that of Forgejo too."""
