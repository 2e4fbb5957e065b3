"""Webhooks of other systems: raised, repeated, acknowledged, closed, ended; hostile ones."""

import json
from typing import Any

import httpx
import pytest

from hypervisor.access import queries as access_queries
from hypervisor.access.service import create_token
from hypervisor.alarms.queries import Selection, list_alarms
from hypervisor.alarms.service_list import list_alarms_as_known
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.external import diagnosis, queries
from hypervisor.geography.queries import store_outlines
from hypervisor.stack.doctor import check_room
from tests.integration.external.alerts import alert, delivery
from tests.integration.external.conftest import BEGIN, NORTH, SOUTH, Hooked
from tests.integration.web.served import server

pytestmark = pytest.mark.integration


def read(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/alarms", params=query).json()["alarms"]
    return found


def test_an_alert_is_an_alarm_with_our_life_cycle(hooked: Hooked) -> None:
    answer = hooked.post(delivery(alert()))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "mode": "LIVE",
        "raised": 1,
        "repeated": 0,
        "ended": 0,
        "refused": 0,
        "problems": [],
    }
    operator = hooked.client()
    [alarm] = read(operator)
    assert alarm["title"] == "External, Prometheus: DiskFull on srv1"
    assert (alarm["source"], alarm["state"]) == ("prometheus", "unacknowledged")
    assert alarm["severity"] == [["2026-03-04T12:00:00Z", "minor"]]
    acts = f"/api/v1/alarms/{alarm['id']}/acts"
    done = operator.post(acts, json={"kind": "acknowledge", "version": alarm["version"]})
    assert done.json()["alarm"]["state"] == "acknowledged"
    assert hooked.post(delivery(alert()), at=1).json()["repeated"] == 1
    assert read(operator)[0]["version"] == done.json()["alarm"]["version"]
    assert hooked.post(delivery(alert(ends=2)), at=2).json()["ended"] == 1
    [alarm] = read(operator, external=True, source="prometheus")
    assert (alarm["state"], alarm["ended"]) == ("normal", "2026-03-04T12:02:00Z")
    assert read(operator, external=False) == read(operator, source="grafana") == []
    assert list_alarms(hooked.connection, Selection(external=False)) == []
    known = [
        [alarm["subject"] for alarm in list_alarms_as_known(hooked.connection, hooked.at(9), which)]
        for which in (Selection(external=False), Selection(source="prometheus"))
    ]
    assert known == [[], ["1a30ba71cca2921f"]]


def test_grafana_has_a_hook_of_its_own(hooked: Hooked) -> None:
    """The body that its documents show, as far as the times."""
    token = hooked.add_source("grafana")
    grafana = {
        **alert("High memory usage", fingerprint="c6eadffa33fcdf37", site="orge"),
        "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana",
        "dashboardURL": "",
        "panelURL": "",
        "values": {"B": 44.23943737541908, "C": 1},
        "imageURL": "https://play.grafana.org/image.png",
    }
    body = delivery(grafana, version="1", orgId=1, title="[FIRING:1]", state="alerting", message="")
    answer = hooked.post(body, kind="grafana", source="grafana", token=token)
    assert answer.json()["raised"] == 1, answer.text
    operator = hooked.client()
    [alarm] = read(operator, source="grafana")
    page = operator.get(f"/alarms/{alarm['id']}").text
    assert "https://play.grafana.org/alerting/silence/new?alertmanager=grafana" in page
    assert (alarm["site"], alarm["title"]) == (
        "orge",
        "External, grafana: High memory usage on srv1",
    )


def test_the_order_of_messages_does_not_matter(hooked: Hooked) -> None:
    assert hooked.post(delivery(alert(ends=2)), at=3).json()["ended"] == 1
    assert hooked.post(delivery(alert()), at=3.5).json()["repeated"] == 1  # overtaken by its end
    operator = hooked.client()
    [alarm] = read(operator)
    assert (alarm["began"], alarm["ended"]) == ("2026-03-04T12:00:00Z", "2026-03-04T12:02:00Z")
    assert alarm["state"] == "returned"
    # It fires again: an earlier end comes late, then its own.
    hooked.post(delivery(alert(starts=10)), at=10)
    assert hooked.post(delivery(alert(ends=2)), at=11).json()["repeated"] == 1
    assert read(operator)[0]["active"]
    hooked.post(delivery(alert(starts=10, ends=12)), at=12)
    assert [alarm["ended"] is None for alarm in read(operator)] == [False, False]


def test_a_lost_end(hooked: Hooked) -> None:
    hooked.post(delivery(alert()))
    hooked.post(delivery(alert(starts=30)), at=30)
    newer, older = read(hooked.client())
    assert (newer["active"], older["ended"]) == (True, "2026-03-04T12:30:00Z")
    assert older["end_reason"] == "its source raised it again at 2026-03-04 12:30 UTC"


def test_an_operator_closes_and_shelves_it(hooked: Hooked) -> None:
    operator = hooked.client()
    hooked.post(delivery(alert()))
    [alarm] = read(operator)
    acts = f"/api/v1/alarms/{alarm['id']}/acts"
    shelve = {"kind": "shelve", "until": "2026-03-04T13:00:00Z", "reason": "known", "version": 1}
    assert operator.post(acts, json=shelve).status_code == 200
    assert [each["kind"] for each in read(operator)[0]["suppressed"]] == ["shelved"]
    close = {"kind": "close", "reason": "the server is gone", "version": 2}
    assert operator.post(acts, json=close).json()["alarm"]["state"] == "closing"
    assert hooked.settle(1) == 1
    [alarm] = read(operator)
    assert (alarm["active"], alarm["end_reason"]) == (False, "closed by anne: the server is gone")
    assert hooked.connection.execute("SELECT count(*) FROM closing").fetchone() == (0,)
    hooked.post(delivery(alert()), at=60)  # its source goes on repeating it
    assert [alarm["active"] for alarm in read(operator)] == [False]
    hooked.post(delivery(alert(starts=90)), at=90)
    assert [alarm["active"] for alarm in read(operator)] == [True, False]


def test_what_is_no_longer_repeated_is_stale_and_does_not_end(hooked: Hooked) -> None:
    hooked.post(delivery(alert()))
    assert (hooked.settle(539), hooked.settle(541), hooked.settle(542)) == (0, 1, 0)
    operator = hooked.client()
    [alarm] = read(operator)
    assert alarm["stale"] == [["2026-03-04T21:00:00Z", None]]
    assert alarm["active"]
    settings = Settings(database_url=hooked.url)
    [finding] = check_room(diagnosis, settings, hooked.now)
    assert "1 of its 1 open alarms are no longer repeated" in finding.what
    hooked.post(delivery(alert()), at=600)
    assert read(operator)[0]["stale"] == [["2026-03-04T21:00:00Z", "2026-03-04T22:00:00Z"]]
    kinds = [row[0] for row in hooked.connection.execute("SELECT kind FROM transition ORDER BY id")]
    assert kinds == ["raised", "stale", "fresh"]


def test_another_severity_needs_another_acknowledgement(hooked: Hooked) -> None:
    operator = hooked.client()
    hooked.post(delivery(alert()))
    number = read(operator)[0]["id"]
    operator.post(f"/api/v1/alarms/{number}/acts", json={"kind": "acknowledge", "version": 1})
    hooked.post(delivery(alert(severity="critical")), at=5)
    [alarm] = read(operator)
    assert [step[1] for step in alarm["severity"]] == ["minor", "critical"]
    assert alarm["state"] == "unacknowledged"


def test_each_sees_the_alarms_of_their_communes(hooked: Hooked) -> None:
    hooked.post(
        delivery(
            alert(fingerprint="a1", site="orge"),
            alert(fingerprint="a2", commune="Arpajon"),
            alert(fingerprint="a3", commune=SOUTH),
            alert(fingerprint="a4", site="unknown"),
        )
    )
    everyone = hooked.client()
    north = hooked.client("north", (("operator", NORTH),))
    south = hooked.client("south", (("operator", SOUTH),))
    both = hooked.client("both", (("operator", "200057859"),))

    def seen(client: httpx.Client) -> list[str]:
        return sorted(alarm["subject"] for alarm in read(client))

    assert [seen(client) for client in (everyone, north, south, both)] == [
        ["a1", "a2", "a3", "a4"],
        ["a1", "a2"],
        ["a3"],
        ["a1", "a2", "a3"],
    ]
    numbers = {alarm["subject"]: alarm["id"] for alarm in read(everyone)}
    act = {"kind": "acknowledge", "version": 1}
    answers = {
        name: north.post(f"/api/v1/alarms/{number}/acts", json=act).status_code
        for name, number in numbers.items()
    }
    assert answers == {"a1": 200, "a2": 200, "a3": 404, "a4": 404}
    page = north.get("/alarms").text
    assert page.count("data-row") == 2
    assert "Externe, Prometheus" in page
    assert north.get(f"/alarms/{numbers['a3']}").status_code == 404
    assert "srv1:9100" in north.get(f"/alarms/{numbers['a2']}").text


def test_a_source_names_places_of_its_area_only(hooked: Hooked) -> None:
    token = hooked.add_source("north-pumps", area=NORTH)
    named: dict[str, dict[str, Any]] = {
        "site": {"site": "orge"},
        "commune": {"commune": "Arpajon"},
        "outside": {"commune": SOUTH},
        "unknown": {"site": "nowhere"},
        "nothing": {},
    }
    body = delivery(*(alert(fingerprint=key, **labels) for key, labels in named.items()))
    receipt = hooked.post(body, source="north-pumps", token=token).json()
    assert (receipt["raised"], receipt["refused"]) == (5, 0)
    sentence = "an alert names a place outside this source's area: its alarm has none"
    assert receipt["problems"] == [sentence]
    places = {each["subject"]: each["commune"] for each in read(hooked.client())}
    assert places == {
        "site": NORTH,
        "commune": NORTH,
        **dict.fromkeys(("outside", "unknown", "nothing")),
    }
    assert read(hooked.client("south", (("operator", SOUTH),))) == []
    [kept] = hooked.client().get("/api/v1/dead-letters").json()["letters"]
    assert kept["reason"] == "bad-value"
    assert SOUTH.encode() in bytes(hooked.value("SELECT payload FROM dead_letter"))
    hooked.post(delivery(alert(fingerprint="nothing")), source="north-pumps", token=token, at=1)
    states = queries.list_states(hooked.connection)
    assert sentence in str(next(s for s in states if s.name == "north-pumps").problem)


def test_the_console_shows_sources_and_takes_a_file(hooked: Hooked) -> None:
    administrator = hooked.client()
    hooked.post(b"<html>")
    page = administrator.get("/admin/sources").text
    assert "pas du JSON" in page
    assert "&lt;html&gt;" in page
    wrong = {"text": "sources: {zabbix: {}}", "reason": "a try"}
    refused = administrator.post("/admin/sources", data=wrong)
    assert (refused.status_code, "zabbix" in refused.text) == (422, True)
    good = {"text": "sources: {prometheus: {severity: info}}", "reason": "only to know"}
    assert administrator.post("/admin/sources", data=good).status_code == 303
    hooked.post(delivery(alert()))
    assert read(administrator)[0]["severity"][0][1] == "info"
    listed = administrator.get("/rules/external/prometheus", follow_redirects=True)  # of Grafana
    assert listed.url.path == "/alarms"
    assert listed.text.count("data-row") == 1
    assert "data-row" not in administrator.get("/alarms?q=external/zabbix").text
    north = hooked.client("chief", (("administrator", NORTH),))
    assert north.get("/admin/sources").status_code == 403


def test_maps_and_counts_have_an_alarm_that_names_only_its_commune(hooked: Hooked) -> None:
    ring = [[2.2, 48.5], [2.3, 48.5], [2.3, 48.6], [2.2, 48.6], [2.2, 48.5]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    store_outlines(hooked.connection, {SOUTH: outline}, source="test")
    hooked.connection.commit()
    hooked.post(delivery(alert(commune=SOUTH, severity="critical")))
    south = hooked.client("south", (("viewer", SOUTH),))
    [area] = south.get("/map/warnings").json()["areas"]["features"]
    assert area["properties"] == {"priority": 1, "state": "un", "sites": 0}
    body = south.get(f"/api/v1/territory/{SOUTH}").json()["area"]
    assert (body["alarms"], body["unacknowledged"], body["worst"]) == (1, 1, "critical")
    north = hooked.client("north", (("viewer", NORTH),))
    assert north.get("/map/warnings").json()["areas"]["features"] == []


def test_only_its_own_token_opens_a_hook(hooked: Hooked) -> None:
    good = delivery(alert())
    assert hooked.post(good, token="wrong").status_code == 401
    assert hooked.post(good, source="grafana").status_code == 403
    owner = access_queries.get_person(
        hooked.connection, access_queries.get_account(hooked.connection, "prometheus").id
    )
    hooked.client()  # makes the administrator
    anne = access_queries.get_person(
        hooked.connection, access_queries.get_account(hooked.connection, "anne").id
    )
    with pytest.raises(Exception, match="lacks send"):
        create_token(
            hooked.connection, anne, name="x", scopes=[Duty.SEND], now=BEGIN, ends_at=hooked.at(99)
        )
    _, reading = create_token(
        hooked.connection, anne, name="x", scopes=[Duty.READ], now=BEGIN, ends_at=hooked.at(99)
    )
    hooked.connection.commit()
    assert owner.name == "prometheus"
    assert hooked.post(good, token=reading, source="anne").status_code == 403
    mine = {"Authorization": f"Bearer {hooked.token}"}
    assert httpx.get(f"{hooked.base}/api/v1/alarms", headers=mine).status_code == 403
    assert hooked.post(good, kind="zabbix").status_code == 422


def test_an_exercise_takes_none(database_url: str) -> None:
    made = Hooked(url=database_url, connection=connect(database_url))
    made.found(Mode.EXERCISE)
    with server(database_url, clock=lambda: made.now) as made.base:
        answer = made.post(delivery(alert()))
    assert (answer.status_code, answer.json()["mode"]) == (409, "EXERCICE")
    assert made.connection.execute("SELECT count(*) FROM alarm").fetchone() == (0,)
    made.close()


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        (b"<html>502 Bad Gateway</html>", 422, "the body is no JSON"),
        (json.dumps(delivery(alert())).encode()[:-30], 422, "the body is no JSON"),
        (b'{"alerts":[' + b" " * 17 * 2**20 + b"]}", 413, "larger than 16 MiB"),
        (b'{"alerts":[{"status":"firing\\u0000"}]}', 422, "neither firing nor resolved"),
        (b"", 422, "the body is empty"),
    ],
)
def test_an_unusable_delivery_is_a_dead_letter_and_a_sentence(
    hooked: Hooked, sent: bytes, status: int, sentence: str
) -> None:
    for _ in range(2):
        answer = hooked.post(sent)
        assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True)
    letters = hooked.connection.execute("SELECT topic, length(payload) FROM dead_letter").fetchall()
    assert letters == [("hooks/alertmanager/prometheus", min(len(sent), 4096))]
    [finding] = check_room(diagnosis, Settings(database_url=hooked.url), hooked.now)
    assert (finding.state, sentence in finding.what) == ("warning", True)
    assert hooked.post(delivery(alert())).json()["raised"] == 1


def test_what_is_cut_or_not_believed_is_taken_and_said(hooked: Hooked) -> None:
    ahead = {**alert(), "startsAt": "2030-01-01T00:00:00Z"}
    answer = hooked.post(delivery(ahead, {"status": "firing"}, truncatedAlerts=3)).json()
    assert (answer["raised"], answer["refused"], len(answer["problems"])) == (1, 1, 3)
    [alarm] = read(hooked.client())
    assert alarm["began"] == "2026-03-04T12:00:00Z"
    [state] = queries.list_states(hooked.connection)
    assert (state.raised, state.refused, state.open) == (1, 1, 1)
    assert state.problem is not None
    assert state.problem.startswith("the source left out 3 alerts")


@pytest.mark.long
def test_ten_thousand_alerts_at_once(hooked: Hooked) -> None:
    many = [alert(fingerprint=f"{number:016x}") for number in range(10_000)]
    answer = hooked.post(delivery(*many)).json()
    assert (answer["raised"], answer["refused"]) == (5_000, 5_000)
    assert "5,000" not in answer["problems"][0]
    assert hooked.post(delivery(*many), at=1).json()["repeated"] == 5_000
    ended = [alert(fingerprint=f"{number:016x}", ends=2) for number in range(5_000)]
    assert hooked.post(delivery(*ended), at=2).json()["ended"] == 5_000
    assert queries.count_open(hooked.connection, "prometheus") == 0


def test_details_are_forgotten_after_their_retention(hooked: Hooked) -> None:
    hooked.post(delivery(alert(ends=2), alert(fingerprint="lasts")), at=3)
    assert queries.delete_details(hooked.connection, hooked.at(2)) == 0
    assert queries.delete_details(hooked.connection, hooked.at(10)) == 1
    hooked.connection.commit()
    operator = hooked.client()
    for alarm in read(operator):
        assert operator.get(f"/alarms/{alarm['id']}").status_code == 200
    assert hooked.post(delivery(alert(ends=2)), at=10).json()["repeated"] == 1
    assert micros(hooked.now) > micros(BEGIN)
