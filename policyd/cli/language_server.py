"""The language server: it publishes diagnostics, and answers requests for hover texts.

In: an Evaluation. Out: messages of the Language Server Protocol, by pygls.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from policyd import __version__
from policyd.formats.report.diagnostics import Diagnostic

if TYPE_CHECKING:
    from policyd.cli.lsp import Evaluation

_LEVELS: Final = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}


def serve(evaluation: Evaluation) -> None:
    """Serve the editor on standard input and output until it ends the session."""
    server_for(evaluation).start_io()


def server_for(evaluation: Evaluation) -> LanguageServer:
    """Return a server that evaluates with `evaluation`."""
    server = LanguageServer("policyd", __version__)
    shown: dict[str, dict[str, list[Diagnostic]]] = {}

    def publish(uri: str) -> None:
        path = _path(uri)
        if not path:
            return
        found = evaluation.of_file(path)
        for file in {**shown.get(path, {}), **found}:
            own = [_diagnostic(one) for one in found.get(file, [])]
            parameters = types.PublishDiagnosticsParams(Path(file).as_uri(), own)
            server.text_document_publish_diagnostics(parameters)
        shown[path] = found

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(parameters: types.DidOpenTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(parameters: types.DidSaveTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(parameters: types.HoverParams) -> types.Hover | None:
        path, line = _path(parameters.text_document.uri), parameters.position.line
        rules = {
            one.rule
            for project in shown.values()
            for one in project.get(path, [])
            if one.line == line
        }
        texts = [text for rule in sorted(rules) if (text := evaluation.explanation(rule))]
        if not texts:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(texts))
        return types.Hover(content)

    return server


def _diagnostic(one: Diagnostic) -> types.Diagnostic:
    place = types.Range(types.Position(one.line, one.start), types.Position(one.line, one.end))
    return types.Diagnostic(
        place, one.message, severity=_LEVELS[one.level], code=one.rule, source="policyd"
    )


def _path(uri: str) -> str:
    """Return the path of a file by its URI, "" for what is not a file."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else ""
