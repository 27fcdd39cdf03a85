from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.transparency.tiles import Tile, entries_of, entry_bundle, tile_at
from tests.support.cases import cases


@cases(
    ("tile", "path"),
    [
        (Tile(0, 0), "0/000"),
        (Tile(0, 0, 44), "0/000.p/44"),
        (Tile(3, 999), "3/999"),
        (Tile(3, 1000), "3/x001/000"),
        (Tile(-1, 1234067, 1), "entries/x001/x234/067.p/1"),
        (Tile(63, 5), "63/005"),
    ],
)
def test_a_path_names_its_tile(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tile_at(path) == tile


@cases(
    "path",
    [
        "", "0", "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/x000/001", "0/x001",
        "0/000.p/0", "0/000.p/256", "0/000.p/300", "0/000.p/044", "0/000.p", "entries/../000",
        "0/٠٠٠", "0/000\n", "0/x001/x002/x003/x004/x005/x006/007",
    ],
)  # fmt: skip
def test_other_paths_name_none(path: str) -> None:
    assert tile_at(path) is None


@pytest.mark.thorough
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_holds_its_entries(entries: list[bytes]) -> None:
    assert entries_of(entry_bundle(entries)) == entries


def test_a_bundle_that_is_cut_off_and_an_entry_that_is_too_long_are_refused() -> None:
    assert entry_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    for cut in (1, 3):
        with pytest.raises(ValueError, match="cut off"):
            entries_of(b"\x00\x02ab"[:cut])
    assert len(entry_bundle([bytes(65535)])) == 65537
    with pytest.raises(ValueError, match="an entry of 65536 bytes exceeds the limit of 65535"):
        entry_bundle([bytes(65536)])
