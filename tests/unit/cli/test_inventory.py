"""`policyd inventory` on machines without a driver, and on data files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.inventory.test_hosts import FILE, H200
from tests.unit.inventory.test_nvml import Driver

GPU = H200.gpus[0]


@pytest.fixture
def h200(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of this machine says what that of the recorded host said."""
    driver = Driver(
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetUUID=lambda _: GPU.uuid,
        nvmlDeviceGetName=lambda _: GPU.name,
        nvmlDeviceGetPciInfo=lambda _: SimpleNamespace(busId=GPU.pci),
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(total=GPU.memory),
    )
    monkeypatch.setitem(sys.modules, "pynvml", driver)


@pytest.mark.usefixtures("h200")
def test_collect_prints_the_document_and_nothing_else(run, folder: Path) -> None:
    result = run("inventory", "collect", "--root", ".", "--host", "gpu-01")

    assert (result.exit_code, result.stdout, result.stderr) == (0, FILE, "")


@pytest.mark.usefixtures("h200")
def test_collect_names_the_machine_by_its_host_name(
    run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "dgx")

    assert run("inventory", "collect", "--root", ".").stdout == FILE.replace("gpu-01", "dgx")


@pytest.mark.usefixtures("h200")
def test_collect_writes_to_a_file(run, folder: Path) -> None:
    result = run("inventory", "collect", "--root", ".", "--host", "gpu-01", "--output", "gpu.yaml")

    assert (result.exit_code, result.output) == (0, "")
    assert (folder / "gpu.yaml").read_text() == FILE


@pytest.mark.usefixtures("h200")
def test_file_that_cannot_be_written_is_one_line(run, folder: Path) -> None:
    result = run("inventory", "collect", "--root", ".", "-o", "no/gpu.yaml")

    assert result.exit_code == 2
    assert result.stderr == "policyd: error: no/gpu.yaml: cannot be written: " \
        "No such file or directory\n"  # fmt: skip


def test_without_the_package_one_line_says_what_to_install(
    run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    result = run("inventory", "collect", "--root", ".")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "policyd: error: the package nvidia-ml-py is not installed: "
        "pip install 'policyd[inventory]'\n"
    )


@pytest.mark.thorough
def test_collect_loads_no_engine() -> None:
    program = (
        "import sys, policyd.cli.inventory\n"
        "print({'regorus', 'flask', 'sqlalchemy', 'requests'} & set(sys.modules))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )

    assert done.stdout == "set()\n"


def test_check_lists_the_hosts_of_files(run, folder: Path) -> None:
    (folder / "a.yaml").write_text(FILE)
    (folder / "b.yaml").write_text(
        "policyd: {inventory: {hosts: {b: "
        "{driver_version: '470', cuda_version: '11.4', gpus: []}}}}"
    )

    result = run("inventory", "check", "a.yaml", "b.yaml")

    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["HOST", "DRIVER", "CUDA", "GPU", "ID", "MODEL"],
        ["b", "470", "11.4"],
        ["gpu-01", "580.159.04", "13.0", "0", GPU.uuid, "NVIDIA", "H200"],
    ]


def test_check_lists_accelerators_of_other_vendors(run, folder: Path) -> None:
    (folder / "a.yaml").write_text(
        "policyd: {inventory: {hosts: {m: {driver_version: '', cuda_version: '', gpus: [], "
        "drivers: {amd: 6.12.12}, accelerators: ["
        "{vendor: amd, index: 0, name: MI300X, node: /dev/dri/renderD128, unique_id: '0xab'}, "
        "{vendor: habana, index: 0, node: /dev/accel/accel0}]}}}}"
    )

    result = run("inventory", "check", "a.yaml")

    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["m", "amd", "6.12.12", "0", "0xab", "MI300X"],
        ["m", "habana", "0", "/dev/accel/accel0"],
    ]


def test_check_lists_a_host_of_two_files_once_as_the_later_says(run, folder: Path) -> None:
    (folder / "a.yaml").write_text(FILE)
    (folder / "b.yaml").write_text(FILE.replace("580.159.04", "590.48.01"))

    result = run("inventory", "check", "a.yaml", "b.yaml")

    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["HOST", "DRIVER"],
        ["gpu-01", "590.48.01"],
    ]


def test_check_refuses_a_file_that_is_not_right(run, folder: Path) -> None:
    (folder / "a.yaml").write_text(FILE.replace("  uuid: ", "  id: "))

    result = run("inventory", "check", "a.yaml")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "policyd: error: a.yaml:9:11: policyd.inventory.hosts.gpu-01.gpus[0] is invalid: "
        "object contains unknown field 'id'\n"
    )
