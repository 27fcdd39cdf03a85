"""Say where the loader and a recorded answer disagree."""

from __future__ import annotations

from policyd.compose import load
from policyd.errors import BundleError, ComposeError, NoComposeFile
from tests.conformance.case import Case
from tests.conformance.comparison import differences


def disagreements(case: Case) -> list[str]:
    """Return a line for each difference between the loader and Compose on `case`; [] for none.

    A refusal must be a ComposeError, NoComposeFile where there is nothing to load, or BundleError
    where a file named on the command line is no file; its wording is ours.
    """
    try:
        config = load(case.bundle()).config()
    except (ComposeError, NoComposeFile, BundleError) as error:
        return [] if case.config is None else [f"refused: {error}"]
    if case.config is None:
        return [f"accepted, but Compose refuses: {case.error.strip()}"]
    return list(differences(case.config, config))
