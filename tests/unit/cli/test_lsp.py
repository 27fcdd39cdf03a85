from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from policyd.cli.language_server import server_for
from policyd.cli.lsp import Evaluation, project_of
from policyd.config import Settings
from policyd.model import Source

DENIED = "services:\n  web:\n    image: nginx\n    privileged: true # ü\n"
ALLOWED = "services: {web: {image: nginx}}\n"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("compose.yaml", ()),
        ("compose.override.yaml", ()),
        ("compose.prod.yaml", ("compose.yaml", "compose.prod.yaml")),
        ("stack.yml", ("stack.yml",)),
    ],
)
def test_a_file_belongs_to_the_project_that_compose_would_take(
    tmp_path: Path, name: str, files: tuple[str, ...]
) -> None:
    for one in ("compose.yaml", "compose.override.yaml", "compose.prod.yaml", "stack.yml"):
        (tmp_path / one).write_text(ALLOWED)
    found = project_of(str(tmp_path / name))

    assert (found.directory, found.flags.files) == (str(tmp_path), files)


def test_an_overlay_without_a_base_is_a_project_alone(tmp_path: Path) -> None:
    assert project_of(str(tmp_path / "compose.prod.yaml")).flags.files == ("compose.prod.yaml",)


def test_diagnostics_are_by_file_and_policies_are_explained(tmp_path: Path) -> None:
    evaluation = Evaluation(Settings(), Source())
    file = tmp_path / "compose.yaml"
    file.write_text(DENIED)

    [(path, [found])] = evaluation.of_file(str(file)).items()
    assert (path, found.rule, found.line, found.level) == (str(file), "no-privileged", 3, "error")
    missing = str(tmp_path / "gone" / "compose.yaml")
    [failed] = evaluation.of_file(missing)[missing]
    assert failed.rule == "evaluation-failed"
    assert evaluation.explanation("no-privileged").startswith("#### no-privileged\n")
    assert evaluation.explanation("compose-invalid") == ""


@pytest.mark.thorough
def test_the_server_publishes_what_it_finds_and_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = server_for(Evaluation(Settings(), Source()))
    published: list[types.PublishDiagnosticsParams] = []
    monkeypatch.setattr(server, "text_document_publish_diagnostics", published.append)
    file = tmp_path / "a b" / "compose.yaml"
    file.parent.mkdir()
    file.write_text(DENIED)
    uri = file.as_uri()
    feature = server.protocol.fm.features
    item = types.TextDocumentItem(uri, types.LanguageKind.Yaml, 1, DENIED)

    def hover(line: int) -> types.Hover | None:
        place = types.Position(line, 4)
        parameters = types.HoverParams(types.TextDocumentIdentifier(uri), place)
        return feature[types.TEXT_DOCUMENT_HOVER](parameters)

    feature[types.TEXT_DOCUMENT_DID_OPEN](types.DidOpenTextDocumentParams(item))
    [found] = published[0].diagnostics
    assert (published[0].uri, found.code) == (uri, "no-privileged")
    assert found.range == types.Range(types.Position(3, 16), types.Position(3, 24))
    assert hover(2) is None
    text = hover(3)
    assert text is not None
    assert isinstance(text.contents, types.MarkupContent)
    assert text.contents.value.startswith("#### no-privileged\n")

    file.write_text(ALLOWED)
    saved = types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
    feature[types.TEXT_DOCUMENT_DID_SAVE](saved)
    assert [(one.uri, one.diagnostics) for one in published[1:]] == [(uri, [])]
    elsewhere = types.TextDocumentItem("untitled:1", types.LanguageKind.Yaml, 1, DENIED)
    feature[types.TEXT_DOCUMENT_DID_OPEN](types.DidOpenTextDocumentParams(elsewhere))
    assert len(published) == 2


class Editor(LanguageClient):
    """An editor that keeps what the server publishes."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(parameters: types.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(parameters)


async def session(file: Path) -> tuple[list[types.Diagnostic], types.Hover, list[types.Diagnostic]]:
    """Return the diagnostics of `file`, a hover text over the first, and those when it is saved."""
    editor = Editor()
    await editor.start_io(sys.executable, "-m", "policyd", "lsp")
    await editor.initialize_async(types.InitializeParams(types.ClientCapabilities()))
    editor.initialized(types.InitializedParams())
    uri = file.as_uri()
    item = types.TextDocumentItem(uri, types.LanguageKind.Yaml, 1, file.read_text())
    editor.text_document_did_open(types.DidOpenTextDocumentParams(item))
    opened = await editor.published.get()
    document = types.TextDocumentIdentifier(uri)
    place = opened.diagnostics[0].range.start
    hover = await editor.text_document_hover_async(types.HoverParams(document, place))
    file.write_text(ALLOWED)
    editor.text_document_did_save(types.DidSaveTextDocumentParams(document))
    saved = await editor.published.get()
    await editor.shutdown_async(None)
    editor.exit(None)
    await editor.stop()
    assert (opened.uri, saved.uri) == (uri, uri)
    assert hover is not None
    return list(opened.diagnostics), hover, list(saved.diagnostics)


@pytest.mark.slow
def test_an_editor_gets_diagnostics_and_explanations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a b" / "compose.yaml"
    file.parent.mkdir()
    file.write_text(DENIED)

    [found], hover, after = asyncio.run(session(file))

    assert (found.code, found.source) == ("no-privileged", "policyd")
    assert found.severity == types.DiagnosticSeverity.Error
    assert found.range == types.Range(types.Position(3, 16), types.Position(3, 24))
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.value.startswith("#### no-privileged\n")
    assert after == []
