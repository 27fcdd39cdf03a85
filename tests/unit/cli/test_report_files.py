from __future__ import annotations

from pathlib import Path

import click
import pytest

from policyd.cli.report_files import described_policies, report_files, write_reports
from policyd.config import Settings
from policyd.formats.available import REPORT
from tests.support.cases import cases
from tests.support.reports import MIXED


def test_each_file_has_a_format() -> None:
    assert report_files(["sarif=a", "junit=b=c"]) == {"a": "sarif", "b=c": "junit"}


@cases("reports", [["sarif"], ["pdf=a"], ["sarif="], ["sarif=a", "junit=a"]])
def test_an_option_that_is_not_valid_is_refused(reports: list[str]) -> None:
    with pytest.raises(click.UsageError):
        report_files(reports)


def test_standard_output_is_no_file_of_a_report() -> None:
    with pytest.raises(click.UsageError) as caught:
        report_files(["sarif=-"])
    assert caught.value.message == "--report sarif=-: name a file; --format sarif prints it"


def test_reports_are_written_although_one_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {str(tmp_path / "no/a"): "junit", str(tmp_path / "b"): "gitlab"}

    assert not write_reports(MIXED, REPORT, files)
    assert (tmp_path / "b").read_text() == REPORT["gitlab"](MIXED)
    assert capsys.readouterr().err.startswith("policyd: error: --report: cannot write ")


def test_only_sarif_describes_policies() -> None:
    assert described_policies(Settings(), {"text", "junit"}) == {}
    assert "no-all-gpus" in described_policies(Settings(), {"sarif"})
