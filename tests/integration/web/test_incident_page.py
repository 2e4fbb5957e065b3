"""The page of an incident: notes, tasks, files and owner; who sees them, how files are served."""

from typing import Any

import httpx
import pytest

from hypervisor.database.connect import connect
from hypervisor.logbook import service as logbook_service
from hypervisor.logbook.attachments import LARGEST
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import NORTH, SOUTH, ClientOf

pytestmark = pytest.mark.integration
PDF = b"%PDF-1.7 a plan"


def _incident(client: httpx.Client) -> int:
    (incident,) = client.get("/api/v1/incidents").json()["incidents"]
    number: int = incident["number"]
    return number


def _write(
    client: httpx.Client, number: int, *files: tuple[str, bytes], **fields: str
) -> httpx.Response:
    parts: list[tuple[str, Any]] = [("files", file) for file in files]
    return client.post(
        f"/incidents/{number}/entries",
        data={"kind": "note", **fields},
        files=parts or None,
    )


def _file(client: httpx.Client, number: int) -> dict[str, Any]:
    answer = client.get(f"/api/v1/incidents/{number}/file")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_is_written_stands_on_the_page_with_its_file(client_of: ClientOf) -> None:
    north = client_of("operator", NORTH)
    number = _incident(north)
    wrote = _write(north, number, ("plan été.pdf", PDF), text="The quay is closed")
    assert wrote.status_code == 303, wrote.text
    assert wrote.headers["location"].startswith(f"/incidents/{number}#entry-")
    page = north.get(f"/incidents/{number}").text
    for words in ("Orge", "The quay is closed", "plan été.pdf"):
        assert words in page
    (entry,) = _file(north, number)["entries"]
    (attached,) = entry["attachments"]
    assert (attached["name"], attached["media"], attached["size"]) == (
        "plan été.pdf",
        "application/pdf",
        len(PDF),
    )
    for path in ("/attachments", "/api/v1/attachments"):
        served = north.get(f"{path}/{attached['id']}")
        assert served.content == PDF
        assert served.headers["content-type"] == "application/pdf"
        assert served.headers["x-content-type-options"] == "nosniff"
        assert served.headers["content-disposition"] == (
            "attachment; filename*=UTF-8''plan%20%C3%A9t%C3%A9.pdf"
        )
        assert "default-src 'none'" in served.headers["content-security-policy"]
        tag = {"If-None-Match": served.headers["etag"]}
        assert north.get(f"{path}/{attached['id']}", headers=tag).status_code == 304
        assert north.get(f"{path}/{attached['id'] + 1}").status_code == 404


def test_a_file_without_words_is_told_by_its_name(client: httpx.Client) -> None:
    number = _incident_of(client)
    assert _write(client, number, ("a.txt", b"1"), ("b.csv", b"2")).status_code == 303
    (entry,) = _file(client, number)["entries"]
    assert entry["text"] == "a.txt, b.csv"
    assert [one["name"] for one in entry["attachments"]] == ["a.txt", "b.csv"]


def test_others_see_neither_incident_nor_file(client_of: ClientOf, world: World) -> None:
    north, south = client_of("operator", NORTH), client_of("operator", SOUTH)
    number = _incident(north)
    _write(north, number, ("plan.pdf", PDF), text="ours")
    file = _file(north, number)["entries"][0]["attachments"][0]["id"]
    for path in (f"/incidents/{number}", f"/attachments/{file}"):
        assert south.get(path).status_code == 404
        assert south.get(f"/api/v1{path}").status_code == 404
    assert south.get(f"/api/v1/incidents/{number}/file").status_code == 404
    assert south.get(f"/api/v1/log?incident={number}").status_code == 404
    assert _write(south, number, text="a guess").status_code == 404
    whole = client_of("viewer")
    assert whole.get(f"/attachments/{file}").content == PDF
    assert _write(whole, number, text="only looking").status_code == 403
    assert whole.post(f"/incidents/{number}/owner", data={"assignee": ""}).status_code == 403
    with connect(world.url) as owner:
        kept = owner.execute("SELECT count(*) FROM attachment").fetchone()
    assert kept == (1,)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("page.html", b"<html>", "expected a file"),
        ("plan.pdf", b"<html>", "is not of the type application/pdf"),
        ("big.txt", b"x" * (LARGEST + 1), "at most"),
    ],
)
def test_a_refused_file_leaves_nothing_and_keeps_the_words(
    client: httpx.Client, name: str, content: bytes, reason: str
) -> None:
    number = _incident_of(client)
    client.cookies["lang"] = "en"
    refused = _write(client, number, (name, content), text="half an hour of writing")
    assert refused.status_code == 422
    assert reason in refused.text
    assert "half an hour of writing" in refused.text
    assert _file(client, number)["entries"] == []
    api = client.post(f"/api/v1/incidents/{number}/attachments", files={"file": (name, content)})
    assert (api.status_code, reason in api.json()["detail"]) == (422, True)


def test_nobody_fills_the_disk_with_files(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator of one EPCI stored 12 MiB/s, for good."""
    monkeypatch.setattr(logbook_service, "LARGEST_DAY", 20)
    anne, bruno = client_of("operator", name="anne"), client_of("operator", name="bruno")
    number = _incident_of(anne)
    address = f"/api/v1/incidents/{number}/attachments"
    codes = [anne.post(address, files={"file": ("a.txt", b"x" * 8)}).status_code for _ in "123"]
    assert codes == [201, 201, 422]
    assert bruno.post(address, files={"file": ("a.txt", b"x" * 8)}).status_code == 201
    assert _write(anne, number, text="words are stored still").status_code == 303


def test_a_body_beyond_all_files_is_refused_before_it_is_read(client: httpx.Client) -> None:
    number = _incident_of(client)
    sent = _write(client, number, ("a.txt", b"x" * LARGEST), ("b.txt", b"x" * LARGEST))
    assert sent.status_code == 413


def test_a_task_has_an_owner_and_is_done_once(client_of: ClientOf, world: World) -> None:
    anne, bruno = client_of("operator", name="anne"), client_of("operator", name="bruno")
    number = _incident_of(anne)
    bad = _write(anne, number, kind="task", text="sandbags", owner="nobody-here")
    assert bad.status_code == 422
    given = _write(
        anne, number, kind="task", text="sandbags", owner="bruno", due="2024-01-02T08:00"
    )
    assert given.status_code == 303
    (task,) = _file(bruno, number)["entries"]
    assert (task["kind"], task["owner"], task["open"]) == ("task", "bruno", True)
    assert task["due"].startswith("2024-01-02T07:00")
    assert [one["text"] for one in bruno.get("/api/v1/handovers/draft").json()["page"]["tasks"]]
    done = _write(bruno, number, kind="settled", about=str(task["id"]), text="done")
    assert done.status_code == 303
    again = _write(anne, number, kind="settled", about=str(task["id"]), text="done")
    assert again.status_code == 422
    settled = next(one for one in _file(anne, number)["entries"] if one["id"] == task["id"])
    assert (settled["open"], settled["settled_by"]) == (False, "bruno")
    with connect(world.url) as owner:
        acts = owner.execute(
            "SELECT author, reason FROM audit WHERE kind = 'log' ORDER BY id"
        ).fetchall()
    assert acts == [("anne", "task"), ("bruno", "settled")]


def test_its_owner_gets_all_its_open_alarms(client_of: ClientOf) -> None:
    north = client_of("operator", NORTH)
    client_of("operator", NORTH, name="bruno")
    number = _incident(north)
    assert north.post(f"/incidents/{number}/owner", data={"assignee": "bruno"}).status_code == 303
    (alarm,) = north.get(f"/api/v1/incidents/{number}").json()["alarms"]
    assert alarm["assignee"] == "bruno"
    assert "Bruno" in north.get(f"/incidents/{number}").text
    gone = north.post(f"/api/v1/incidents/{number}/owner", json={"assignee": None})
    assert gone.json()["refused"] == []
    events = _file(north, number)["events"]
    owners = [event["assignee"] for event in events if event["kind"] == "assign"]
    assert owners == ["bruno", None]


def test_an_alarms_number_leads_to_its_incident(client: httpx.Client, world: World) -> None:
    first, second = (one["number"] for one in client.get("/api/v1/incidents").json()["incidents"])
    with connect(world.url) as owner:
        owner.execute("UPDATE incident_alarm SET incident = %s", [first])
    moved = client.get(f"/incidents/{second}")
    assert (moved.status_code, moved.headers["location"]) == (303, f"/incidents/{first}")
    assert client.get("/incidents/9").status_code == 404


def test_what_was_sent_to_whom_stands_there(client_of: ClientOf, world: World) -> None:
    north, south = client_of("operator", NORTH), client_of("operator", SOUTH)
    number = _incident(north)
    with connect(world.url) as owner:
        owner.execute(
            "INSERT INTO delivery (outbox, alarm, route, channel, key, message, state, notified_at)"
            " SELECT id, alarm, 'duty', 'mail', key || '/duty/mail', '{}', 'sent', at FROM outbox"
        )
    (sent,) = _file(north, number)["notices"]
    assert (sent["alarm"], sent["route"], sent["channel"]) == (number, "duty", "mail")
    (other,) = _file(south, _incident(south))["notices"]
    assert other["alarm"] != number
    page = north.get(f"/incidents/{number}").text
    assert "<b>duty</b> (mail)" in page


def _incident_of(client: httpx.Client) -> int:
    """The Orge's, for who sees both."""
    incidents = client.get("/api/v1/incidents").json()["incidents"]
    number: int = next(one["number"] for one in incidents if "Orge" in one["title"])
    return number
