"""The console's pages of orders: made from an alarm, followed, shown where people look."""

import re
from datetime import timedelta

import pytest

from tests.integration.interventions.conftest import Room
from tests.integration.web.served import NOW

TIMES = "\N{MULTIPLICATION SIGN}"

pytestmark = pytest.mark.integration


def test_from_an_alarm_to_the_report(live: Room) -> None:
    alarm = live.anne.get("/api/v1/alarms?site=orge").json()["alarms"][0]["id"]
    live.anne.cookies.set("lang", "en")
    form = live.anne.get(f"/interventions/new?alarm={alarm}").text
    title = re.search(r'name="title"[^>]*value="([^"]+)"', form)
    assert title is not None
    made = live.anne.post(
        "/interventions",
        data={
            "title": title[1],
            "site": "orge",
            "alarm": str(alarm),
            "team": "north",
            "priority": "urgent",
            "due": "2024-01-02T00:30",  # 23:30 UTC: past
        },
        follow_redirects=False,
    )
    assert made.status_code == 303, made.text
    address = made.headers["location"]
    page = live.anne.get(address).text
    assert "overdue" in page
    assert "Its team says by radio" in page
    closed = live.anne.post(
        f"{address}/acts",
        data={
            "act": "close",
            "text": "pumped",
            "minutes": "30",
            "parts": f"hose {TIMES} 2\nsand, wet",
        },
        follow_redirects=False,
    )
    assert closed.status_code == 303, closed.text
    page = live.anne.get(address).text.replace("\N{NO-BREAK SPACE}", " ")
    assert f"30 min, hose {TIMES} 2, sand, wet" in page
    assert address in live.anne.get(f"/interventions/part?alarm={alarm}").text
    assert address not in live.anne.get("/interventions/part?site=orge").text
    begins = (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    report = live.anne.get(f"/report?from={begins}").text
    assert address in report
    assert f"hose {TIMES} 2" in report


def test_what_is_wrong_is_said_above_the_form(live: Room) -> None:
    refused = live.anne.post(
        "/interventions", data={"title": "x", "place": "near the mill", "priority": "high"}
    )
    assert refused.status_code == 422
    assert "latitude and longitude" in refused.text
    assert 'value="near the mill"' in refused.text
    number = live.order()["id"]
    assert live.act(live.anne, number, "comment", text="x").status_code == 200
    stale = live.anne.post(
        f"/interventions/{number}/acts", data={"act": "cancel", "version": "2", "text": "late"}
    )
    assert stale.status_code == 409
    assert "read it again" in stale.text


def test_overdue_orders_are_on_now_and_only_there_for_who_sees_them(live: Room) -> None:
    due = (NOW - timedelta(minutes=5)).isoformat()
    north, south = live.order(due=due)["id"], live.order(site="yvette", team=None, due=due)["id"]
    now = live.anne.get("/now").text
    assert f"/interventions/{north}" in now
    assert f"/interventions/{south}" in now
    hers = live.nora.get("/now").text
    assert f"/interventions/{north}" in hers
    assert f"/interventions/{south}" not in hers
    listed = live.nora.get("/interventions?which=overdue").text
    assert f"/interventions/{south}" not in listed
    assert live.nora.get(f"/interventions/{south}").status_code == 404
    for which in ("open", "waiting", "finished", "all"):
        assert live.anne.get(f"/interventions?which={which}&priority=normal").status_code == 200


def test_an_administrator_makes_teams(live: Room) -> None:
    assert "North" in live.anne.get("/teams").text
    assert "South" not in live.nora.get("/teams").text
    assert live.anne.get("/teams/new").status_code == 403
    refused = live.anne.post("/teams", data={"name": "x", "title": "X"})
    assert refused.status_code == 403
