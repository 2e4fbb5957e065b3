"""Pages of operators and of everybody: from an alarm to what citizens read, and out again."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from hypervisor.broker.child import wait_until
from tests.integration.publications.conftest import ORGE, YVETTE, Room
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration
ARTICLE = re.compile(r"<article.*?</article>", re.DOTALL)


@pytest.fixture(scope="module")
def citizen(live: Room) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.base) as client:
        yield client


def read(client: httpx.Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


def entered(page: str) -> dict[str, str]:
    """What stands in the fields of the draft's form."""
    (form,) = re.findall(r'<form class="draft-form".*?</form>', page, re.DOTALL)
    boxes = r'<input type="checkbox" name="(\w+)" value="([^"]*)"(?: (checked))?>'
    fields = dict(
        re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', re.sub(boxes, "", form))
    )
    fields |= {name: value for name, value, checked in re.findall(boxes, form) if checked}
    fields |= dict(
        re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    )
    for name, options in re.findall(
        r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        for value in re.findall(r'value="([^"]*)" selected', options):
            fields[name] = value
    return fields


def shows(citizen: httpx.Client, words: str, language: str = "fr") -> bool:
    """Whether citizens soon read this: their page is made again when something is published."""
    return wait_until(lambda: words in read(citizen, f"/public?lang={language}"), seconds=60)


def post(client: httpx.Client, path: str, fields: dict[str, str]) -> str:
    """The address that a form leads to."""
    answer = client.post(path, data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_from_an_alarm_to_what_citizens_read(live: Room, citizen: httpx.Client) -> None:
    alarm = next(alarm.id for alarm in live.world.alarms() if alarm.place == "orge")
    assert f"/publications/new?alarm={alarm}" in read(live.anne, f"/alarms/{alarm}")
    fields = entered(read(live.anne, f"/publications/new?alarm={alarm}"))
    assert (fields["hazard"], fields["areas"], fields["alarm"]) == ("flood", ORGE, str(alarm))
    assert "cours d\u2019eau" in fields["fr_instruction"]
    assert "Last measurement:" in fields["en_description"]
    assert "Dernière mesure" in fields["fr_description"]
    page = post(live.anne, "/publications", fields | {"reason": "it rises"})
    assert "Vous avez écrit ce projet" in read(live.anne, page)
    assert 'id="to-sign"' in read(live.bert, "/now"), "Now says that a draft waits"
    draft = read(live.bert, page)
    french, english = ARTICLE.findall(draft)
    assert ("Consigne" in french, "What to do" in english) == (True, True)
    version = re.findall(r'name="version" value="(\d+)"', draft)[0]
    assert "/public" not in read(live.anne, "/publications").replace("/publications", "")
    post(live.bert, f"{page}/steps", {"act": "publish", "version": version})
    for language, preview in (("fr", french), ("en", english)):
        assert shows(citizen, preview, language)
    update = read(live.anne, f"{page}/edit?kind=Update")
    changed = entered(update) | {"fr_headline": "L'Orge déborde", "reason": "worse"}
    post(live.anne, f"{page}/drafts", changed)
    assert "L'Orge déborde" not in read(citizen, "/public")
    post(live.bert, f"{page}/steps", {"act": "publish", "version": "3"})
    assert shows(citizen, "L'Orge déborde")
    fields = entered(read(live.bert, f"{page}/edit?kind=Cancel")) | {"reason": "it falls"}
    assert fields["fr_headline"] == "Fin d\u2019alerte : L'Orge déborde"
    post(live.bert, f"{page}/drafts", fields)
    post(live.anne, f"{page}/steps", {"act": "publish", "version": "5"})
    assert wait_until(lambda: "L'Orge déborde" not in read(citizen, "/public"), seconds=60)
    stale = live.anne.post(f"{page}/steps", data={"act": "publish", "version": "5"})
    assert stale.status_code == 409


def test_what_is_wrong_comes_back_with_what_was_entered(live: Room) -> None:
    fields = entered(read(live.anne, "/publications/new?hazard=heat"))
    fields |= {"reason": "hot", "areas": ORGE}
    answer = live.anne.post("/publications", data=fields)
    assert answer.status_code == 422
    assert "il faut un titre et une description en français" in unescape(answer.text)
    assert entered(unescape(answer.text))["reason"] == "hot"
    fields |= {"hazard": "wind", "step": "fill"}
    filled = live.anne.post("/publications", data=fields)
    assert "toit" in entered(unescape(filled.text))["fr_instruction"]
    fields |= {"step": "save", "fr_description": "x", "reason": " "}
    assert live.anne.post("/publications", data=fields).status_code == 422


def test_who_sees_and_does_what(live: Room) -> None:
    others = live.publish((YVETTE,))["id"]
    read(live.nora, f"/publications/{others}", 404)
    read(live.nora, f"/publications/{others}/edit?kind=Cancel", 404)
    assert f"/publications/{others}" not in read(live.nora, "/publications")
    choices = read(live.nora, "/publications/new")
    assert (f'value="{ORGE}"' in choices, f'value="{YVETTE}"' in choices) == (True, False)
    wide = live.draft(live.anne, (ORGE, YVETTE)).json()["publication"]["id"]
    page = read(live.nora, f"/publications/{wide}")
    assert "il faut être opérateur dans toutes ses communes" in page
    assert "J\u2019ai relu" not in page
    with signed_in(live.base, live.world.url, "vera", (("viewer", None),)) as vera:
        read(vera, "/publications/new", 403)
        assert "Publier une alerte" not in read(vera, "/publications")
        assert "J\u2019ai relu" not in read(vera, f"/publications/{wide}")


def test_an_exercise_or_a_test_reaches_no_citizen(
    live: Room, drill: Room, citizen: httpx.Client
) -> None:
    for status in ("Exercise", "Test"):
        identifier = live.publish(status=status)["messages"][0]["identifier"]
        assert identifier not in read(citizen, "/public")
        read(citizen, f"/public/{identifier}", 404)
    published = drill.publish()
    identifier = published["messages"][0]["identifier"]
    page = read(drill.anne, f"/publications/{published['id']}")
    assert "Exercice : n\u2019atteint aucun habitant" in page
    with httpx.Client(base_url=drill.base) as nobody:
        for path in ("/public", "/public/strip", "/public/fragment", f"/public/{identifier}"):
            answer = nobody.get(path)
            assert answer.status_code != 200
            assert "Crue" not in answer.text
