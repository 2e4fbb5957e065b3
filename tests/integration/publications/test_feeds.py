"""CAP and Atom: foreign readers, who may read, conditional requests, archives, signatures."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import capparser
import httpx
import pytest
from capvalidator import check_schema, check_signature

from hypervisor.database.connect import connect
from hypervisor.publications import atom, queries_messages
from tests.integration.publications.conftest import ORGE, YVETTE, Room
from tests.integration.publications.keys import write_key
from tests.integration.web.served import NOW

pytestmark = pytest.mark.integration
A = "{http://www.w3.org/2005/Atom}"
OFFICIAL = """
INSERT INTO official_reach (area, lines) VALUES
    ('OR1', '[[[2.1, 48.55], [2.9, 48.55]]]'), ('YV1', '[[[2.72, 48.4], [2.72, 48.6]]]');
INSERT INTO official_colour (feed, area, title, phenomenon, begins, ends, colour, issued)
SELECT feed, area, title, phenomenon, '2024-01-01 22:00Z', NULL, colour, '2024-01-01 22:00Z'
FROM (VALUES ('vigicrues', 'OR1', 'Orge aval', 'flood', 3),
    ('vigicrues', 'YV1', 'Yvette', 'flood', 4), ('meteofrance', '91', 'Essonne', 'rain-flood', 2),
    ('meteofrance', '91', 'Essonne', 'wind', 4), ('meteofrance', '92', 'Elsewhere', 'rain-flood', 4)
) v (feed, area, title, phenomenon, colour)
"""
GEORSS = "{http://www.georss.org/georss}"


@pytest.fixture(scope="module")
def citizen(live: Room) -> Iterator[httpx.Client]:
    """Somebody who shows nothing."""
    with httpx.Client(base_url=live.base) as client:
        yield client


def read_feed(client: httpx.Client, path: str) -> ET.Element:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml"
    return ET.fromstring(answer.text)  # noqa: S314  of our own


def links(feed: ET.Element) -> dict[str, str]:
    return {link.get("rel", ""): link.get("href", "") for link in feed.findall(f"{A}link")}


def local(address: str) -> str:
    """What is behind the public address."""
    return address.removeprefix("https://alerte.example")


def list_identifiers(feed: ET.Element) -> list[str]:
    return [link.rpartition("/")[2] for link in (each.text or "" for each in feed.iter(f"{A}id"))][
        1:
    ]


def list_documents(client: httpx.Client, feed: ET.Element) -> list[str]:
    """The CAP documents of a feed's entries."""
    documents = []
    for entry in feed.findall(f"{A}entry"):
        answer = client.get(local(links(entry)["alternate"]))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/cap+xml"
        documents.append(answer.text)
    return documents


def test_a_warning_names_the_official_colours_of_its_hazard_and_place(
    live: Room, citizen: httpx.Client
) -> None:
    live.world.connection.execute(OFFICIAL)
    live.world.connection.commit()
    identifier = live.publish((ORGE,))["messages"][0]["identifier"]
    document = citizen.get(f"/cap/alerts/{identifier}").text
    (french, _english) = capparser.parse(stringXML=document).info[0]
    assert [str(each.value[0]) for each in french.parameter[0]] == [
        "3; orange; flood; Orge aval; Vigicrues; 2024-01-01T22:00:00-00:00",
        "2; yellow; rain-flood; Essonne; Météo-France; 2024-01-01T22:00:00-00:00",
    ]


def test_foreign_readers_understand_a_warning_from_beginning_to_end(
    live: Room, citizen: httpx.Client
) -> None:
    first = live.publish((ORGE, YVETTE))
    later = live.follow_up(live.anne, first, "Update", severity="critical").json()["publication"]
    later = live.sign(live.bert, later)
    ended = live.follow_up(live.anne, later, "Cancel").json()["publication"]
    live.sign(live.bert, ended)
    documents = list_documents(citizen, read_feed(citizen, "/cap/feed.atom"))[:3]
    for document in documents:
        assert check_schema(document.encode()).passed, document
    cancel, update, alert = (capparser.parse(stringXML=document) for document in documents)
    assert [each.msgType[0] for each in (alert, update, cancel)] == ["Alert", "Update", "Cancel"]
    assert cancel.references[0].split() == [
        ",".join((each.sender[0], each.identifier[0], each.sent[0])) for each in (alert, update)
    ]
    french, english = alert.info[0]
    assert (alert.sender[0], alert.status[0]) == ("alerte.example", "Actual")
    assert french.headline[0] == "Crue de l'Orge"
    assert french.description[0] == "L'eau monte <vite> & déborde."
    assert french.senderName[0] == "Préfecture de l'Essonne"
    assert (english.language[0], english.headline[0]) == ("en-GB", "Flood of the Orge")
    orge, yvette = french.area[0]
    assert [code.value[0] for code in (*orge.geocode[0], *yvette.geocode[0])] == [ORGE, YVETTE]
    assert len(yvette.polygon[0]) == 2


def test_a_feed_says_where_and_in_both_languages(live: Room, citizen: httpx.Client) -> None:
    live.publish()
    entry = read_feed(citizen, "/cap/current.atom?lang=en").find(f"{A}entry")
    assert entry is not None
    assert entry.findtext(f"{A}title") == "Flood of the Orge"
    assert entry.findtext(f"{GEORSS}polygon") == "48.5 2.2 48.5 2.4 49.00001 2.4 48.5 2.2"
    live.publish((ORGE, YVETTE))
    entry = read_feed(citizen, "/cap/feed.atom").find(f"{A}entry")
    assert entry is not None
    assert entry.findtext(f"{A}title") == "Crue de l'Orge"
    assert entry.findtext(f"{GEORSS}box") == "48.5 2.2 49.00001 2.8"


def test_a_commune_has_a_feed_of_its_own(live: Room, citizen: httpx.Client) -> None:
    published = live.publish((ORGE, YVETTE))
    update = live.follow_up(live.anne, published, "Update", areas=[ORGE]).json()["publication"]
    identifier = live.sign(live.bert, update)["messages"][-1]["identifier"]
    log = citizen.get("/cap/feed.atom", params={"commune": YVETTE}).text
    assert identifier in log, "that it no longer holds there is told there"
    assert identifier not in citizen.get("/cap/current.atom", params={"commune": YVETTE}).text
    assert identifier in citizen.get("/cap/current.atom", params={"commune": ORGE}).text


def test_what_the_caller_has_is_not_sent_again(live: Room, citizen: httpx.Client) -> None:
    identifier = live.publish()["messages"][0]["identifier"]
    for path in ("/cap/feed.atom", "/cap/current.atom", f"/cap/alerts/{identifier}"):
        first = citizen.get(path)
        assert first.headers["cache-control"] == "public, max-age=30"
        for header, value in (
            ("If-None-Match", first.headers["etag"]),
            ("If-Modified-Since", first.headers["last-modified"]),
        ):
            again = citizen.get(path, headers={header: value})
            assert (again.status_code, again.content) == (304, b""), (path, header)
        other = {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]}
        assert citizen.get(path, headers=other).status_code == 200
    tag = citizen.get("/cap/current.atom").headers["etag"]
    live.clock.now = NOW + timedelta(hours=12)
    expired = citizen.get("/cap/current.atom", headers={"If-None-Match": tag})
    assert (expired.status_code, identifier in expired.text) == (200, False)


def test_archives_are_complete_and_stay(
    live: Room, citizen: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atom, "PART", 2)
    for _ in range(3):
        live.publish()
    with connect(live.world.url) as connection:
        sent = [message.identifier for message in queries_messages.list_sent(connection)]
    feed = read_feed(citizen, "/cap/feed.atom")
    listed = [*list_identifiers(feed)]
    while address := links(feed).get("prev-archive"):
        feed = read_feed(citizen, local(address))
        listed += list_identifiers(feed)
    assert list(dict.fromkeys(listed)) == sent[::-1]
    first = citizen.get("/cap/feed.atom?archive=1")
    assert list_identifiers(read_feed(citizen, "/cap/feed.atom?archive=1")) == sent[1::-1]
    live.publish()
    tag = {"If-None-Match": first.headers["etag"]}
    assert citizen.get("/cap/feed.atom?archive=1", headers=tag).status_code in {200, 304}
    assert list_identifiers(read_feed(citizen, "/cap/feed.atom?archive=1")) == sent[1::-1]
    assert citizen.get(f"/cap/feed.atom?archive={len(sent)}").status_code == 404


def test_tests_and_exercises_are_shown_to_programs_that_ask_for_them(
    live: Room, citizen: httpx.Client
) -> None:
    for status in ("Exercise", "Test"):
        identifier = live.publish(status=status)["messages"][0]["identifier"]
        for path in ("/cap/feed.atom", "/cap/current.atom"):
            assert identifier not in live.anne.get(path).text
            assert identifier in live.anne.get(path, params={"status": status}).text
            assert identifier not in citizen.get(path, params={"status": status}).text
        assert citizen.get(f"/cap/alerts/{identifier}").status_code == 404
        document = live.anne.get(f"/cap/alerts/{identifier}").text
        assert check_schema(document.encode()).passed
        assert capparser.parse(stringXML=document).status[0] == status


def test_who_is_held_to_communes_reads_what_concerns_them(live: Room) -> None:
    theirs = live.publish((ORGE,))["messages"][0]["identifier"]
    others = live.publish((YVETTE,))["messages"][0]["identifier"]
    text = live.nora.get("/cap/feed.atom").text
    assert (theirs in text, others in text) == (True, False)
    assert live.nora.get(f"/cap/alerts/{others}").status_code == 404


def test_an_exercise_is_read_with_a_token_alone(drill: Room) -> None:
    identifier = drill.publish()["messages"][0]["identifier"]
    paths = ("/cap/feed.atom", "/cap/current.atom", f"/cap/alerts/{identifier}")
    with httpx.Client(base_url=drill.base) as client:
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 401
            assert identifier not in answer.text.replace(path, "")
    for path in paths:
        assert identifier in drill.anne.get(path).text
    document = drill.anne.get(paths[2]).text
    assert check_schema(document.encode()).passed
    parsed = capparser.parse(stringXML=document)
    assert parsed.status[0] == "Exercise"
    assert parsed.note[0].startswith("EXERCICE")


def test_off_token_and_rate(make_room: Callable[..., Room]) -> None:
    room = make_room(cap="token", public_requests_per_minute=2)
    with httpx.Client(base_url=room.base) as client:
        assert client.get("/cap/feed.atom").status_code == 401
        settings = room.settings
        settings.cap = "public"
        assert [client.get("/cap/feed.atom").status_code for _ in range(3)] == [200, 200, 429]
        settings.cap = "off"
        assert client.get("/cap/feed.atom").status_code == 404
        assert room.anne.get("/cap/feed.atom").status_code == 404


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_signature_holds_until_the_document_changes(
    live: Room, citizen: httpx.Client, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = write_key(tmp_path, kind)
    monkeypatch.setattr(live.settings, "cap_key", key)
    drafted = live.draft(live.anne).json()["publication"]
    assert "one of them is not set" in live.step(live.bert, drafted).json()["detail"]
    monkeypatch.setattr(live.settings, "cap_certificate", certificate)
    identifier = live.sign(live.bert, drafted)["messages"][0]["identifier"]
    document = citizen.get(f"/cap/alerts/{identifier}").text
    assert check_schema(document.encode()).passed, document
    assert check_signature(document.encode()).passed
    assert not check_signature(document.replace("monte", "baisse").encode()).passed
    key.write_text("no key")
    drafted = live.draft(live.anne).json()["publication"]
    assert "no PEM key" in live.step(live.bert, drafted).json()["detail"]
