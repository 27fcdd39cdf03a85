from __future__ import annotations

import re

from tests.support.cases import cases
from tests.support.console_pages import HOSTILE, evil, inventory, lines
from tests.support.held import at, granted

HOUR = 3600


def other(number: int, service: str = "b", **fields):
    """Return a grant of the GPU `number`."""
    return granted(service, devices=(str(number),), identities=(str(number),), **fields)


def test_each_device_has_its_state_and_its_holders(console, record) -> None:
    record("d1", granted("a"), other(1, expires=at(24 * HOUR)))
    record("d2", granted("c"), project="eval", seconds=60)

    answer = console().get("/console/gpus")
    assert lines(answer.text) == [
        "gpu-01 0 ⚠ double-booked acme/train c Revoke acme/train a Revoke ci-bot ci-bot "
        "2026-11-23 15:01:00 UTC 2026-11-23 15:00:00 UTC H100",
        "gpu-01 1 ◷ expires soon acme/train b Revoke ci-bot 2026-11-23 15:00:00 UTC "
        "2026-11-24 15:00:00 UTC H100",
        "gpu-02 0 ○ free H100",
    ]
    cards = re.findall(r'<li class="card">(.*?)</li>', answer.text, re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in cards] == [
        "gpu-01 0 free 2 of 2 held, ⚠ 1 double-booked , ◷ 1 expires soon",
        "gpu-02 1 free 0 of 1 held",
    ]


def test_the_page_shows_any_time(console, record) -> None:
    record("d1", granted("a"))
    record("d2", operation="DELETE", grants=(), seconds=HOUR)
    client = console()

    assert lines(client.get("/console/gpus").text)[0].startswith("gpu-01 0 ○ free")
    before = client.get("/console/gpus", query_string={"at": "2026-11-23T15:30:00Z"})
    assert lines(before.text)[0].startswith("gpu-01 0 ● held acme/train a")
    assert "At <time" in before.text


@cases(
    "query,message",
    [
        ("at=2026-11-25", "at: 2026-11-25 is in the future"),
        ("at=now", "at: &#39;now&#39; is not a date"),
        ("period=1y", "invalid query"),
        ("host=gpu-9", "the inventory of the policy set has no host &#39;gpu-9&#39;"),
    ],
)
def test_a_wrong_query_has_the_sentence_of_the_api(console, query, message) -> None:
    answer = console().get(f"/console/gpus?{query}")

    assert answer.status_code in (400, 404)
    assert message in answer.text


def test_the_picture_has_bars_marks_and_the_state_of_each_device(console, record) -> None:
    record("d1", granted("a"))
    record("d2", granted("c"), project="eval", seconds=5 * HOUR)
    text = console().get("/console/gpus").text

    bars = re.findall(
        r'<a href="([^"]+)"[^>]*><rect class="([^"]+)" x="([^"]+)" y="(\d+)" width="([^"]+)"', text
    )
    # 10 of the 24 hours are 375 units of 900; the second one is in a lane of its own.
    assert bars == [
        ("/console/decisions/d1", "gpu-1", "621.0", "53", "375.0"),
        ("/console/decisions/d2", "gpu-1", "808.5", "75", "187.5"),
    ]
    assert re.findall(r'<rect class="twice-frame" x="([^"]+)" y="(\d+)" width="([^"]+)"', text) == [
        ("808.5", "51", "187.5")
    ]
    # The label is the longest end of repository and service that fits.
    assert re.findall(r'<text class="in"[^>]*>([^<]+)<', text) == ["acme/train/a", "acme/train/c"]
    assert [">⚠ double-booked</text>" in text, text.count(">○ free</text>")] == [True, 2]


def test_the_picture_says_where_a_lease_expires_soon(console, record) -> None:
    record("d1", granted("a", expires=at(30 * HOUR)))
    text = console().get("/console/gpus").text

    assert [">◷ expires soon</text>" in text, ">● held</text>" in text] == [True, False]


def test_a_short_bar_has_the_end_of_the_name_or_no_label(console, record) -> None:
    record("d1", granted("trainer"))
    record("d2", operation="DELETE", grants=(), seconds=3 * HOUR)
    record("d3", granted("trainer"), seconds=4 * HOUR)
    record("d4", operation="DELETE", grants=(), seconds=5 * HOUR)
    text = console().get("/console/gpus").text

    assert re.findall(r'<text class="in"[^>]*>([^<]+)<', text) == ["train/trainer"]
    assert re.findall(r'aria-label="([^"]+)"><rect', text) == [
        "train/trainer, train", "trainer, train",
    ]  # fmt: skip


def test_the_table_of_the_picture_is_also_csv(console, record) -> None:
    record("d1", granted("a"))
    record("d2", operation="DELETE", grants=(), seconds=HOUR)
    client = console()

    assert client.get("/console/gpus?format=csv&list=holdings").text == (
        "Host,Device,Repository,Project,Environment,Service,User,From,Until,Still held,Expires,"
        "Decision\r\n"
        f"gpu-01,0,acme/train,train,prod,a,ci-bot,{at(0)},{at(HOUR)},False,,d1\r\n"
    )
    devices = client.get("/console/gpus?format=json").json["items"]
    assert devices[0] == {
        "host": "gpu-01", "device": "0", "vendor": "nvidia", "model": "H100",
        "uuid": "GPU-gpu_01-0", "state": "free", "expires": "", "grants": [],
    }  # fmt: skip


def test_a_large_fleet_is_shown_host_by_host(console, record) -> None:
    for host in ("h1", "h2", "h6"):
        grants = tuple(other(n, f"s{n}") for n in range(8))
        record(f"d-{host}", *grants, host=host)
    client = console(inventory(**{f"h{n}": 8 for n in range(1, 13)}))
    first, sixth = client.get("/console/gpus?period=30d"), client.get("/console/gpus?host=h6")

    assert [line.split()[0] for line in lines(first.text)] == [
        f"h{n}" for n in range(1, 6) for _ in range(8)
    ]
    assert first.text.count("not shown below") == 7
    assert {line.split()[0] for line in lines(sixth.text)} == {"h6"}
    assert len(first.data) < 60_000


def test_without_an_inventory_the_page_says_how_to_make_one(client) -> None:
    assert "Run policyd inventory collect on each host" in client.get("/console/gpus").text


def test_a_token_does_not_see_who_holds_what_belongs_to_others(console, token, record) -> None:
    record("d1", granted("secret-service"))
    limited = token("t", scopes=("audit:read",), repositories=("other/**",))
    client = console(tokens={"a": limited})
    answer = client.get("/console/gpus", headers={"Authorization": "Bearer t"})

    assert lines(answer.text)[0] == "gpu-01 0 ● held not visible to you H100"
    assert "acme" not in answer.text
    assert "secret-service" not in answer.text
    assert 'fill="url(#hidden)"' in answer.text
    elsewhere = token("t", scopes=("audit:read",), repositories=("**",), hosts=("gpu-02",))
    answer = console(tokens={"a": elsewhere}).get(
        "/console/gpus", headers={"Authorization": "Bearer t"}
    )
    assert lines(answer.text) == ["gpu-02 0 ○ free H100"]
    assert "gpu-01" not in answer.text


@cases("name", list(HOSTILE))
def test_names_of_others_are_text(console, record, name) -> None:
    data = inventory(host=1)
    host = data["policyd"]["inventory"]["hosts"].pop("host")
    host["gpus"][0]["name"] = name
    data["policyd"]["inventory"]["hosts"][name] = host
    record(f"d{HOSTILE.index(name)}", granted(name), host=name, project=name, environment=name)
    page = console(data).get("/console/gpus", query_string={"host": name})

    assert page.status_code == 200
    assert evil(page.text) == []
    if name.startswith("="):
        assert "'=1+1,0,nvidia,'=1+1," in console(data).get("/console/gpus?format=csv").text


def test_many_holdings_leave_a_small_page(console, record) -> None:
    for number in range(60):
        record(f"a{number}", other(0), other(1), project=f"p{number}", seconds=number * 300)
        record(f"e{number}", operation="DELETE", grants=(), project=f"p{number}",
               seconds=number * 300 + 200)  # fmt: skip
    answer = console().get("/console/gpus")

    assert "The 40 shortest bars are not drawn" in answer.text
    assert "These are the first 60 of 120" in answer.text
    assert len(answer.data) < 60_000
