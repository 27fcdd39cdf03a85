"""What tests of the pages of the console share: hostile names, tables, an inventory.

In: answers of the console. Out: the texts of their tables.
"""

from __future__ import annotations

import re
from typing import Any, Final

HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"onx="1',
    "=1+1",
    "javascript:alert(1)",
    "{{ 7*7 }}",
)
"""Names that must stay text wherever a page shows them."""
_EVIL: Final = ("<script>alert", '"onx=', 'href="javascript:', " style=", ">49<")


def rows(page: str) -> list[list[str]]:
    """Return the texts of the cells of the first table of `page`."""
    cells = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL)
    return [[_text(cell) for cell in cells.findall(row)] for row in _rows(page)]


def lines(page: str) -> list[str]:
    """Return the rows of the first table of `page`, each as one text."""
    return [_text(row) for row in _rows(page)]


def evil(page: str) -> list[str]:
    """Return what a hostile name would have made of `page`, if it was not escaped."""
    return [one for one in _EVIL if one in page]


def inventory(**hosts: int) -> dict[str, Any]:
    """Return the data of a policy set with hosts, gpu_01 as gpu-01, and their numbers of GPUs."""
    known = {
        name.replace("_", "-"): {
            "driver_version": "580",
            "cuda_version": "13.0",
            "gpus": [
                {"index": index, "uuid": f"GPU-{name}-{index}", "name": "H100"}
                for index in range(number)
            ],
        }
        for name, number in hosts.items()
    }
    return {"policyd": {"inventory": {"hosts": known}}}


def _rows(page: str) -> list[str]:
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert body, page
    return re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
