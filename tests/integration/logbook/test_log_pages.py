"""Log, hand-over and report as pages, without a browser: forms, refusals, what they show."""

import csv
import html
import re
from io import StringIO
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.integration.evaluation.world import World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    NORTH,
    ClientOf,
    base,
    client,
    client_of,
    world,
)

pytestmark = pytest.mark.integration


def _page(found: httpx.Client, address: str) -> str:
    answer = found.get(address, headers={"Cookie": "lang=fr"} | _cookies(found))
    assert answer.status_code == 200, answer.text
    return answer.text


def _cookies(found: httpx.Client) -> dict[str, str]:
    said = "; ".join(f"{cookie.name}={cookie.value}" for cookie in found.cookies.jar)
    return {"Cookie": f"lang=fr; {said}"}


def _token(page: str) -> str:
    match = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert match is not None
    return match.group(1)


def test_a_line_is_written_by_the_form_and_stands_on_the_page(client: httpx.Client) -> None:  # noqa: F811
    page = _page(client, "/log")
    assert "Main courante" in page
    said = {
        "csrf": _token(page),
        "kind": "promise",
        "text": "rappeler <le maire>",
        "due": "2024-01-01T07:30",
    }
    answer = client.post("/log", data=said)
    assert (answer.status_code, answer.headers["location"]) == (303, "/log")
    page = _page(client, "/log")
    assert "rappeler &lt;le maire&gt;" in page
    assert "07:30" in page  # on the clock of the room
    (entry,) = client.get("/api/v1/log").json()["entries"]
    assert entry["due"] == "2024-01-01T06:30:00Z"
    assert "Alarme déclenchée" in page  # what became of alarms stands beside it
    assert "Alarme déclenchée" not in _page(client, "/log?alarms=false")


def test_what_was_typed_is_kept_where_it_is_refused(client: httpx.Client) -> None:  # noqa: F811
    token = _token(_page(client, "/log"))
    said = {"csrf": token, "kind": "promise", "text": "rappeler le préfet", "due": "soon"}
    answer = client.post("/log", data=said)
    assert answer.status_code == 422
    assert "indiquez un jour et une heure" in answer.text
    assert "rappeler le préfet</textarea>" in answer.text
    assert client.get("/api/v1/log").json()["entries"] == []


def test_a_viewer_reads_the_log_and_writes_nothing(client_of: ClientOf) -> None:  # noqa: F811
    viewer = client_of("viewer", NORTH)
    page = _page(viewer, "/log")
    assert 'id="log-form"' not in page
    said = {"csrf": _token(page), "kind": "note", "text": "x"}
    assert viewer.post("/log", data=said).status_code == 403


def test_a_shift_is_handed_over_on_its_page(client_of: ClientOf) -> None:  # noqa: F811
    anne, bruno = client_of("operator", name="anne"), client_of("operator", name="bruno")
    page = _page(anne, "/handover")
    assert "Signer et proposer" in page
    offered = anne.post("/handover", data={"csrf": _token(page), "note": "la crue monte"})
    address = offered.headers["location"]
    mine = _page(anne, address)
    assert "Retirer ma signature" in mine
    assert "la crue monte" in mine
    reader = _page(client_of("author", name="claire"), address)
    assert "je prends la relève" not in reader
    assert "Un opérateur du même territoire signe ici." in reader
    theirs = _page(bruno, "/handover")  # what waits stands there by itself
    signed = re.search(r'name="signed" value="(\w+)"', theirs)
    assert signed is not None
    wrong = {"csrf": _token(theirs), "step": "take", "signed": "0000"}
    assert bruno.post(address, data=wrong).status_code == 409
    taken = bruno.post(address, data={**wrong, "signed": signed.group(1), "remark": "vu"})
    assert taken.status_code == 303
    assert "« vu »" in _page(anne, address)


def test_a_hand_over_tells_of_a_rule_that_was_revised_with_its_tests(
    client: httpx.Client,  # noqa: F811
) -> None:
    """Tests of a rule say `began: "00:45"`, as a time of the page says `began` otherwise."""
    rule = client.get("/api/v1/rules/flood-rise")
    written = rule.json()["written"] | {
        "tests": [
            {
                "name": "it rises",
                "every": "15 min",
                "level": "1 1 1 1.8 1.9 1.9",
                "expect": [{"began": "00:45"}],
            }
        ]
    }
    revised = client.put(
        "/api/v1/rules/flood-rise",
        json={"written": written, "reason": "tried"},
        headers={"If-Match": rule.headers["etag"]},
    )
    assert revised.status_code == 200, revised.text
    for key, value in (("orge/alert", "4.50 m"), ("yvette/alert", None)):
        mark = {"If-Match": client.get(f"/api/v1/thresholds/{key}").headers["etag"]}
        address = f"/api/v1/thresholds/{key}"
        answer = (
            client.delete(address, params={"reason": "gone"}, headers=mark)
            if value is None
            else client.put(address, json={"value": value, "reason": "tried"}, headers=mark)
        )
        assert answer.status_code == 200, answer.text
    draft = _page(client, "/handover")
    offered = client.post("/handover", data={"csrf": _token(draft), "note": ""})
    assert offered.status_code == 303, offered.text
    frozen = _page(client, offered.headers["location"])
    for page in (draft, frozen):
        words = html.unescape(page)
        change = "4,00\N{NO-BREAK SPACE}m → 4,50\N{NO-BREAK SPACE}m"
        for said in ("<b>Rising</b>", "niveau d'alerte</b>", change, "supprimé"):
            assert said in words, said


def test_a_hand_over_in_french_has_neither_raw_times_nor_english_reasons(
    client: httpx.Client,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    (first, second) = client.get("/api/v1/alarms").json()["alarms"]
    shelve = {"kind": "shelve", "reason": "essai", "until": "2024-01-01T03:00:00Z"}
    act = client.post(
        f"/api/v1/alarms/{first['id']}/acts", json={**shelve, "version": first["version"]}
    )
    assert act.status_code == 200, act.text
    world.connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason) VALUES"
        " ('works', 'weir', %s, '2023-12-31', 'anne', 'a'),"
        " ('device', %s, %s, '2023-12-31', 'anne', 'inventory')",
        [
            Jsonb(
                {
                    "begins": "2023-12-31T00:00:00Z",
                    "ends": "2024-01-05T00:00:00Z",
                    "sites": [second["site"]],
                    "devices": [],
                    "groups": [],
                }
            ),
            second["site"],
            Jsonb({"in_service": False}),
        ],
    )
    world.connection.commit()
    text = re.sub(r"<[^>]+>", " ", _page(client, "/handover").partition("<main")[2])
    assert re.findall(r".{,60}\d{4}-\d\d-\d\d.{,20}", text) == []
    english = r"\b(until|since|alarm|shelved|works from|inhibits|unknown|inputs|because)\b"
    assert re.findall(english, text) == []


def test_a_page_of_another_version_is_still_read(client: httpx.Client, world: World) -> None:  # noqa: F811
    """A frozen page has what was known of when it was signed; what it lacks is not shown."""
    pages: tuple[dict[str, Any], ...] = (
        {},
        {"at": "now", "since": None, "outlook": None, "edits": [{"key": "flood-x"}]},
        {
            "unacknowledged": [{"id": 1, "severity": "major", "title": "flood", "domain": "flood"}],
            "works": [{"name": "weir", "begins": "soon", "at": ["orge"]}],
            "outlook": {"rivers": [{"river": "Orge"}]},
            "notes": [{"text": "noted", "at": "2024-01-01"}],
        },
    )
    for page in pages:
        row = world.connection.execute(
            "INSERT INTO handover (begins, offered_at, offered_by, note, page, digest, state,"
            " closed_at, closed_by)"
            " VALUES (now(), now(), 'anne', '', %s, 'x', 'withdrawn', now(), 'anne') RETURNING id",
            [Jsonb(page)],
        ).fetchone()
        world.connection.commit()
        assert row is not None
        shown = _page(client, f"/handover/{row[0]}")
        texts = (one for part in page.values() if isinstance(part, list) for one in part)
        for text in texts:
            assert (
                str(text.get("title") or text.get("text") or text.get("name") or text["key"])
                in shown
            )


def test_the_report_tells_alarms_acts_and_decisions(client: httpx.Client) -> None:  # noqa: F811
    (first, *_) = client.get("/api/v1/alarms").json()["alarms"]
    act = {"kind": "acknowledge", "version": first["version"]}
    assert client.post(f"/api/v1/alarms/{first['id']}/acts", json=act).status_code == 200
    decision = {"kind": "decision", "text": "fermer la RD 19"}
    assert client.post("/api/v1/log", json=decision).status_code == 201

    page = _page(client, "/report")
    for said in ("fermer la RD 19", "Acquittée, Anne", "Alarme déclenchée", first["title"]):
        assert said in page, said
    rows = list(csv.DictReader(StringIO(client.get("/report.csv").text.removeprefix("\ufeff"))))
    assert {row["site"] for row in rows} == {"orge", "yvette"}
    (told,) = [row for row in rows if row["number"] == str(first["id"])]
    assert (told["by"], told["severity"]) == ("anne", "major")
    assert int(told["response_s"]) >= 0

    nothing = _page(client, "/report?from=2020-01-01T00:00&to=2020-01-02T00:00")
    assert "consigné sur cette période" in nothing


def test_the_page_renews_itself_in_place(client: httpx.Client) -> None:  # noqa: F811
    answer = client.get("/log", headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    assert answer.text.lstrip().startswith('<div class="log-page"')
    said = {"csrf": _token(_page(client, "/log")), "kind": "note", "text": "dry"}
    answer = client.post("/log", data=said, headers={"HX-Request": "true"})
    assert (answer.status_code, "dry" in answer.text) == (200, True)


def test_sites_are_proposed_as_one_types(client_of: ClientOf) -> None:  # noqa: F811
    everywhere, north = client_of("operator"), client_of("operator", NORTH)
    assert '<option value="yvette">' in everywhere.get("/site-names?site=YVE").text
    assert "<option" not in everywhere.get("/site-names?places=yve%25").text
    assert "<option" not in north.get("/site-names?site=yve").text
    for address in ("/log", "/admin/works"):
        page = _page(client_of("administrator"), address)
        assert '<option value="orge">' in page, "without scripts the first are there"
