"""Small Compose projects for tests, as trees and as loaded projects."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.compose.context import LoadContext
from policyd.compose.nodes import Node
from policyd.compose.project import Project
from policyd.compose.yaml.reader import read_documents
from policyd.errors import ComposeError
from policyd.model import Bundle


def document(text: str) -> Node:
    """Return the tree of the only YAML document in `text`, a file named compose.yaml."""
    (found,) = read_documents(text.encode(), "compose.yaml")
    return found.root


def bundle(files: dict[str, str], **options: Any) -> Bundle:
    """Return a bundle of `files`, which lie in /project."""
    return memory_bundle({name: text.encode() for name, text in files.items()}, **options)


def context(files: dict[str, str] | None = None, **options: Any) -> LoadContext:
    """Return the state of a load of `files`."""
    return LoadContext(bundle(files or {}, **options))


def project(text: str, files: dict[str, str] | None = None, **options: Any) -> Project:
    """Return the project of compose.yaml, whose content is `text`, and of other `files`."""
    return load(bundle({"compose.yaml": text, **(files or {})}, **options))


def refusal(text: str, files: dict[str, str] | None = None, **options: Any) -> str:
    """Return the error with which `project` of the same arguments is refused."""
    with pytest.raises(ComposeError) as error:
        project(text, files, **options)
    return str(error.value)
