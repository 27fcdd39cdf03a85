from __future__ import annotations

import contextlib
import gzip
import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policyd.archive import MAX_RECORDS, MAX_UNPACKED, archive_bundle
from policyd.errors import BundleError, PayloadTooLarge
from policyd.limits import MAX_BUNDLE, MAX_FILE, MAX_FILES
from tests.support.cases import cases


def archive(files: dict[str, bytes], *members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in members:
            tar.addfile(member)
    return out.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


PROJECT = {"compose.yaml": b"services: {}\n", "conf/app.env": b"A=1\n"}


@cases("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@cases("pack", [bytes, gzip.compress, io.BytesIO])
def test_a_tar_and_a_tar_gz_are_read(form: int, pack) -> None:
    bundle = archive_bundle(
        pack(archive(PROJECT, member("conf", tarfile.DIRTYPE), form=form)),
        ["compose.yaml"],
        ["conf/app.env"],
        environment={"TAG": "1"},
        project_name="train",
    )

    assert bundle.files.read("/project/compose.yaml") == b"services: {}\n"
    assert bundle.files.read("/project/conf/app.env") == b"A=1\n"
    assert bundle.compose_files == ("/project/compose.yaml",)
    assert bundle.env_files == ("/project/conf/app.env",)
    assert bundle.environment == {"TAG": "1"}
    assert bundle.project_name == "train"
    assert bundle.profiles == ()


def test_one_folder_around_everything_is_taken_off() -> None:
    packed = archive({f"./train/{name}": content for name, content in PROJECT.items()})

    bundle = archive_bundle(packed, ["compose.yaml"])

    assert bundle.files.read("/project/compose.yaml") == b"services: {}\n"
    assert bundle.files.read("/project/conf/app.env") == b"A=1\n"


def test_the_folder_stays_when_a_compose_file_is_named_with_it() -> None:
    packed = archive({f"train/{name}": content for name, content in PROJECT.items()})

    bundle = archive_bundle(packed, ["train/compose.yaml"])

    assert bundle.compose_files == ("/project/train/compose.yaml",)
    assert bundle.files.read("/project/train/compose.yaml") == b"services: {}\n"


@cases(
    ("bad", "message"),
    [
        (
            member("l", tarfile.SYMTYPE, "/etc/passwd"),
            "'l': links are not allowed; it points to '/e",
        ),
        (
            member("l", tarfile.LNKTYPE, "compose.yaml"),
            "'l': links are not allowed; it points to 'c",
        ),
        (member("dev", tarfile.CHRTYPE), "'dev': only regular files are allowed"),
        (member("pipe", tarfile.FIFOTYPE), "'pipe': only regular files are allowed"),
        (member("sparse", tarfile.GNUTYPE_SPARSE), "only regular files|not a tar"),
        (member("/etc/passwd", tarfile.REGTYPE), "'/etc/passwd': the name is absolute"),
        (member("a/../../b", tarfile.REGTYPE), r"'a/../../b': the name has a '\.\.'"),
        (
            member("./compose.yaml", tarfile.REGTYPE),
            "'compose.yaml': duplicate name in the",
        ),
        (member("\udcff", tarfile.REGTYPE), "the path is not UTF-8"),
    ],
)
def test_a_member_that_could_mislead_is_refused_by_name(bad: tarfile.TarInfo, message: str) -> None:
    packed = archive(PROJECT, bad, form=tarfile.GNU_FORMAT)

    with pytest.raises(BundleError, match=message):
        archive_bundle(packed)


def test_a_malformed_map_of_a_sparse_file_is_not_quoted() -> None:
    secret = tarfile.TarInfo("compose.yaml")
    secret.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    secret.size = 512
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(secret, io.BytesIO(b"PASSWORD=hunter2\n".ljust(512, b"#")))

    with pytest.raises(BundleError) as caught:
        archive_bundle(packed.getvalue())
    assert str(caught.value) == ("the body is not a tar or tar.gz archive: a header is malformed")


def test_an_archive_that_is_cut_off_is_refused() -> None:
    packed = archive(PROJECT)
    first_file_only = packed[:1024]

    with pytest.raises(BundleError, match="two zero blocks at its end are missing"):
        archive_bundle(first_file_only)
    with pytest.raises(BundleError, match="incomplete: its gzip stream does not end"):
        archive_bundle(gzip.compress(packed)[:-9])
    with pytest.raises(BundleError, match="data after its gzip stream"):
        archive_bundle(gzip.compress(packed) + gzip.compress(packed))


def test_a_size_that_no_machine_has_is_refused() -> None:
    packed = archive({"a" * 200: b"x"})
    header = bytearray(packed[:512])
    header[124:136] = b"\x80" + b"\xff" * 11
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(BundleError, match=r"not a tar or tar\.gz archive"):
        archive_bundle(bytes(header) + packed[512:])


def test_a_damaged_header_between_two_members_does_not_hide_the_second() -> None:
    packed = bytearray(archive(PROJECT))
    second = packed.index(b"conf/app.env")
    packed[second] = ord("k")

    with pytest.raises(BundleError, match="incomplete or damaged"):
        archive_bundle(bytes(packed))


@pytest.mark.thorough
@cases("records", [MAX_RECORDS, MAX_RECORDS + 1])
@cases("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
@cases("first", [0, 5_000])
def test_the_records_of_pax_headers_are_counted(records: int, kind: bytes, first: int) -> None:
    """A header of 34 MiB packs to 50 kB and has 5.7 million records."""
    packed = header(kind, b"6 a=1\n" * first) + header(kind, b"6 a=1\n" * (records - first))
    packed += archive({"compose.yaml": b"a=b"})

    if records > MAX_RECORDS:
        with pytest.raises(PayloadTooLarge, match="more than 20000 records"):
            archive_bundle(packed)
    else:
        assert archive_bundle(packed).files.read("/project/compose.yaml") == b"a=b"


def header(kind: bytes, records: bytes) -> bytes:
    """Return a pax header with `records`, in whole blocks."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


@cases("body", [b"", b"services: {}\n", b"\x1f\x8b", b"\0" * 1024, b"PK\x03\x04"])
def test_a_body_that_is_no_archive_is_refused(body: bytes) -> None:
    with pytest.raises(BundleError, match="archive"):
        archive_bundle(body)


@pytest.mark.thorough
def test_limits_hold_for_a_member_for_their_number_and_for_what_is_unpacked() -> None:
    large = archive_bundle(archive({"big": bytes(MAX_FILE + 1)})).files
    with pytest.raises(PayloadTooLarge, match="big: the file has 4,194,305 bytes"):
        large.read("/project/big")
    with pytest.raises(PayloadTooLarge, match="more than 1000 members"):
        archive_bundle(archive({str(i): b"" for i in range(MAX_FILES + 1)}))
    full = {str(i): bytes(MAX_FILE) for i in range(MAX_BUNDLE // MAX_FILE)}
    assert archive_bundle(archive(full))
    with pytest.raises(PayloadTooLarge, match="last: the files exceed 32 MiB"):
        archive_bundle(archive({**full, "last": b"x"}))
    bomb = gzip.compress(bytes(MAX_UNPACKED + 1))
    with pytest.raises(PayloadTooLarge, match="unpacks to more than 34 MiB"):
        archive_bundle(bomb)


@pytest.mark.thorough
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_archive_gives_a_bundle_or_a_bundle_error(data: st.DataObject) -> None:
    damaged = bytearray(archive({"a" * 200: b"x", "compose.yaml": b"services: {}\n"}))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, 3000))
        damaged[place] = data.draw(st.integers(0, 255))
    # A header counts only with its checksum: set it again, so that damage reaches the fields.
    for start in range(0, 3072, 512):
        header = damaged[start : start + 512]
        header[148:156] = b" " * 8
        if data.draw(st.booleans()):
            damaged[start + 148 : start + 156] = b"%06o\0 " % sum(header)

    with contextlib.suppress(BundleError):
        archive_bundle(bytes(damaged))
