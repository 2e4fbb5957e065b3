"""A threshold tried through the API: the engine's own word, beside what people noted."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from hypervisor.backtest.draft import Edit
from hypervisor.backtest.edits import try_edit
from hypervisor.backtest.model import Span
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Question, backtest_stored
from hypervisor.base.instants import moment, text
from hypervisor.base.person import Territory
from hypervisor.database import tenancy
from hypervisor.database.connect import connect
from tests.conftest import Stack
from tests.integration.evaluation.test_equality import flood, in_batches, new_world, play
from tests.integration.evaluation.world import CATALOGUE, DAY, World, us
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

SPAN = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    with new_world(stack) as made:
        play(made, in_batches, flood(3), seed=7)
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with serving(world.url) as made:
        yield made


def tried(client: httpx.Client, key: str, **more: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/trials/{key}", params={**SPAN, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def judged(world: World, site: str, **thresholds: str) -> list[tuple[str, str | None]]:
    """The alarms of flood-high by the backtest that everybody else asks."""
    with connect(world.url) as own:
        found = backtest_stored(
            own,
            Question(
                rules=["flood-high"],
                sites=[site],
                span=Span(since=us(0), until=us(24 * 60)),
                trial=Trial(thresholds={f"{site}/{name}": to for name, to in thresholds.items()}),
            ),
            CATALOGUE,
            retention=world.retention,
            tick=lambda *_: None,
        ).evaluation.alarms
    return [
        (text(one.episode.began), None if one.episode.ended is None else text(one.episode.ended))
        for one in found
    ]


def spells(side: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["began"], one["ended"]) for one in side["spells"]]


@pytest.mark.parametrize("site", ["orge", "yvette"])
def test_it_is_what_the_backtest_says_of_both(
    client: httpx.Client, world: World, site: str
) -> None:
    body = tried(client, f"{site}/attention", value="2,8")

    assert body["rule"] == "flood-high"
    assert body["today"]["value"] == 3.0
    assert body["tried"]["value"] == 2.8
    assert spells(body["today"]) == judged(world, site, attention="3 m")
    assert spells(body["tried"]) == judged(world, site, attention="2.8 m")
    assert spells(body["today"]) != spells(body["tried"])
    assert body["today"]["beyond"] < body["tried"]["beyond"] < 1


def test_of_a_step_only_its_severity_counts(client: httpx.Client) -> None:
    body = tried(client, "orge/alert", value="3.5 m")

    assert body["severity"] == "major"
    assert {one["severity"] for one in body["tried"]["spells"]} == {"major"}
    assert body["today"]["in_alarm_s"] < body["tried"]["in_alarm_s"]
    assert (body["begun"], body["second_reading_s"]) == (None, None)


def test_the_picture_is_of_what_was_measured(client: httpx.Client) -> None:
    picture = tried(client, "orge/attention")["picture"]
    levels = [one for one in flood(3) if (one.site, one.quantity) == ("orge", "level")]
    good = [one.value for one in levels if one.value is not None and one.quality != 2]

    assert max(point["value"] for point in picture if point["value"]) == max(good)


def test_hits_and_misses_of_what_was_noted(client: httpx.Client) -> None:
    high = tried(client, "yvette/attention")["today"]["spells"][0]
    note = {
        "site": "yvette",
        "kind": "overflow",
        "begins": high["began"],
        "ends": text(us(9 * 60)),
        "peak": "412 cm",
        "note": "the meadow stood in water",
    }
    told = client.post("/api/v1/past-events", json=note)
    assert told.status_code == 201, told.text
    event = told.json()["event"]
    assert (event["peak"], event["unit"], event["author"]) == (4.12, "m", "anne")

    body = tried(client, "yvette/attention", value="9 m")
    assert (body["today"]["hits"], body["today"]["misses"]) == (1, 0)
    assert body["today"]["outcomes"][0]["event"] == "the meadow stood in water"
    assert (body["tried"]["hits"], body["tried"]["misses"]) == (0, 1)
    assert tried(client, "orge/attention")["today"]["outcomes"] == []  # it is the Yvette's

    gone = client.delete(f"/api/v1/past-events/{event['id']}", params={"reason": "it was the Orge"})
    assert gone.status_code == 200
    assert client.get("/api/v1/past-events").json()["events"] == []
    assert tried(client, "yvette/attention")["today"]["outcomes"] == []


@pytest.mark.parametrize(
    ("key", "more", "code"),
    [
        ("nowhere/attention", {}, 404),
        ("orge/attntion", {}, 422),
        ("orge/attention", {"value": "high"}, 422),
        ("orge/attention", {"value": "2 mm/h"}, 422),
        ("orge/attention", {"value": "nan"}, 422),
        ("orge/attention", {"rule": "flood-rain"}, 422),
        ("orge/attention", {"to": text(us(-5))}, 422),
        ("orge/attention", {"from": "0001-01-01T00:00Z", "to": "0001-01-02T00:00Z"}, 422),
        ("orge/attention", {"from": "9999-12-30T00:00Z", "to": "9999-12-31T00:00Z"}, 422),
        ("orge", {}, 404),
    ],
)
def test_what_cannot_be_asked(
    client: httpx.Client, key: str, more: dict[str, str], code: int
) -> None:
    answer = client.get(f"/api/v1/trials/{key}", params={**SPAN, **more})

    assert answer.status_code == code, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_change_of_the_registry_is_seen_at_once(client: httpx.Client, world: World) -> None:
    before = tried(client, "juine/attention")
    world.revise(world.fact("threshold", "juine/attention", {"value": 2.5, "unit": "m"}))

    assert before["today"]["value"] == 3.0
    assert tried(client, "juine/attention")["today"]["value"] == 2.5


def test_a_viewer_looks_and_notes_nothing(world: World) -> None:
    with serving(world.url, "vera", (("viewer", None),)) as viewer:
        assert tried(viewer, "orge/attention")["rule"] == "flood-high"
        answer = viewer.post(
            "/api/v1/past-events",
            json={
                "site": "orge",
                "kind": "flood",
                "begins": text(us(0)),
                "ends": text(us(60)),
                "note": "water",
            },
        )
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends": text(us(-60))},
        {"ends": (DAY + timedelta(days=100)).isoformat()},
        {"site": "nowhere"},
        {"site": None, "river": "Styx"},
        {"river": "Orge"},
        {"kind": "wave"},
        {"begins": "0001-01-01T00:00:00Z", "ends": "0001-01-02T00:00:00Z"},
        {"peak": "high"},
        {"note": ""},
    ],
)
def test_a_note_that_cannot_be(client: httpx.Client, wrong: dict[str, Any]) -> None:
    note = {
        "site": "orge",
        "kind": "flood",
        "begins": moment(us(0)).isoformat(),
        "ends": moment(us(60)).isoformat(),
        "note": "water",
    }
    answer = client.post("/api/v1/past-events", json={**note, **wrong})

    assert answer.status_code in {404, 422}, answer.text


def test_the_load_beside_it_is_of_the_alarms_that_the_asker_may_see(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = Edit(owner="orge", since=us(0), until=us(24 * 60), threshold="attention", value="2.8 m")

    def busiest(territory: Territory) -> int:
        with connect(world.url) as own, connect(world.url) as seeing:
            tenancy.become(seeing, territory)
            clock = iter([100.0, 102.5])
            monkeypatch.setattr("hypervisor.backtest.edits.time.perf_counter", clock.__next__)
            found = try_edit(own, edit, CATALOGUE, zone=ZoneInfo("Europe/Paris"), visible=seeing)
        assert found.edit is not None
        assert found.lasted == 2.5
        return found.edit.busiest

    everybodys, nobodys = Territory(whole=True), Territory(communes=frozenset({"91001"}))
    assert (busiest(everybodys), busiest(nobodys)) == (2, 1)
