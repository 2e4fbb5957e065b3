"""Acts, incidents, the load and the log as known, through the API and the commands."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from hypervisor.database.connect import connect
from tests import command_line
from tests.integration.evaluation.world import Sent, World, make_world
from tests.integration.web.served import serving
from tests.integration.web.test_api import get

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["orge"])
        made.record_rules()
        made.join()
        for at, value in ((0, 3.1), (5, 3.1), (10, 3.2)):
            made.store([Sent(site="orge", at=at, value=value)])
        made.beat(10)
        made.settle()
        yield made


def _post(client: httpx.Client, number: int, status: int = 200, **said: Any) -> Any:
    said = {"kind": "acknowledge", "version": 1, **said}
    answer = client.post(f"/api/v1/alarms/{number}/acts", json=said)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def test_acts_through_the_api(world: World) -> None:
    with serving(world.url) as client:
        (alarm,) = get(client, "/api/v1/alarms?state=unacknowledged")["alarms"]
        number = alarm["id"]
        assert (alarm["version"], alarm["suppressed"]) == (1, [])

        done = _post(client, number, version=alarm["version"], reason="seen")
        assert (done["alarm"]["state"], done["alarm"]["version"]) == ("acknowledged", 2)
        assert done["acts"][0]["author"] == "anne"
        assert done["acts"][0]["scenario_at"] == "2024-01-01T00:10:00Z"
        assert done == get(client, f"/api/v1/alarms/{number}")
        assert get(client, "/api/v1/alarms?state=unacknowledged")["alarms"] == []

        late = _post(client, number, 409, version=1, kind="assign", assignee="bruno")
        assert "has changed since you saw it" in late["detail"]
        again = _post(client, number, 422, version=2)
        assert again["detail"] == (
            f"acknowledge of alarm {number} is refused: it is already acknowledged"
        )
        _post(client, 999, 404)
        _post(client, 2**70, 422)
        for broken in ("\0", "\ud800"):
            dumps = json.dumps({"kind": "comment", "version": 2, "reason": broken})
            answer = client.post(f"/api/v1/alarms/{number}/acts", content=dumps.encode())
            assert answer.status_code == 422
        _post(client, number, 422, kind="remind")  # the system's own
        _post(client, number, 422, kind="shelve", version=2, until="2024-01-01T01:00:00")
        assert (
            "say until when"
            in _post(client, number, 422, kind="shelve", version=2, reason="r")["detail"]
        )
        shelved = _post(
            client, number, kind="shelve", version=2, reason="r", until="2024-01-01T01:00:00Z"
        )
        assert shelved["alarm"]["hold"]["until"] == "2024-01-01T01:00:00Z"
        for state in ("shelved", "suppressed"):
            (one,) = get(client, f"/api/v1/alarms?state={state}")["alarms"]
            assert one["suppressed"][0]["reason"].startswith("shelved by anne until")


def test_incidents_load_and_the_log_as_known(world: World) -> None:
    with serving(world.url) as client:
        (alarm,) = get(client, "/api/v1/alarms?rule=flood-high")["alarms"]
        (incident,) = get(client, "/api/v1/incidents")["incidents"]
        assert incident["number"] == alarm["incident"] == alarm["id"]
        detail = get(client, f"/api/v1/incidents/{incident['number']}")
        assert detail["incident"] == incident
        assert [one["id"] for one in detail["alarms"]] == [alarm["id"]]
        get(client, "/api/v1/incidents/77", status=404)
        get(client, f"/api/v1/incidents/{2**70}", status=422)
        get(client, "/api/v1/alarms/load?from=1800-01-01T00:00:00Z&to=2200-01-01T00:00:00Z")
        get(client, "/api/v1/alarms/load?to=9999-01-01T00:00:00Z", status=422)
        get(client, "/api/v1/alarms/load?to=0001-01-01T00:00:00Z", status=422)

        load = get(client, "/api/v1/alarms/load")["load"]
        assert (load["alarms"], load["standing"]["alarms"]) == (1, 1)
        assert load["to"] == "2024-01-01T00:10:00Z"
        later = get(client, "/api/v1/alarms/load?from=2024-01-01T00:05:00Z&to=2024-01-01T00:25:00Z")
        assert later["load"]["per_10_min"] == {
            "average": 0.5,
            "peak": 1,
            "peak_at": "2024-01-01T00:05:00Z",
            "percent_of_time_over_10": 0.0,
        }
        get(client, "/api/v1/alarms/load?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", 422)

        before = get(client, "/api/v1/alarms/known?at=2024-01-01T00:09:00Z")
        assert before["alarms"] == []
        (known,) = get(client, "/api/v1/alarms/known?at=2024-01-01T00:10:00Z")["alarms"]
        assert (known["id"], known["state"]) == (alarm["id"], "unacknowledged")


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command as typed; what it prints, and that it exits with `code`."""
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", world.url)

    def type_(*words: str, code: int = 0) -> str:
        done = command_line.run(*words)
        assert done.exit_code == code, done.output
        return done.output

    return type_


def test_acts_at_the_command_line(run: Callable[..., str]) -> None:
    (alarm,) = [json.loads(line) for line in run("alarms", "--json").splitlines()]
    number = str(alarm["id"])
    said = run("alarms", "ack", number, "998", "--author", "anne", code=2)
    assert f"{number} Orge: high: acknowledged" in said
    assert "no alarm has the number 998" in said
    assert "it is already acknowledged" in run("alarms", "ack", number, code=2)
    assert "assigned to bruno" in run("alarms", "assign", number, "--to", "bruno")
    assert "version 3, not 1" in run(
        "alarms", "unack", number, "--reason", "r", "--version", "1", code=2
    )
    shelved = run("alarms", "shelve", number, "--until", "30 min", "--reason", "a parked car")
    assert "shelved until 2024-01-01T00:40:00Z" in shelved
    run("alarms", "comment", number, "--text", "the mayor called")

    sheet = run("alarms", "show", number)
    for words in ("a parked car", "the mayor called", "bruno", "anne", "raised 2024-01-01 00:10"):
        assert words in sheet
    history = json.loads(run("alarms", "show", number, "--json"))["history"]
    assert [one["what"] for one in history] == [
        "raised",
        "acknowledge",
        "assign",
        "shelve",
        "comment",
    ]
    assert "acknowledged, shelved, to bruno" in run("alarms", "--state", "shelved")
    assert run("alarms", "--state", "returned") == "no alarms\n"
    assert "expected one of" in run("alarms", "--state", "gone", code=2)
    assert run("alarms", "--as-known-at", "2024-01-01T00:09Z") == "no alarms\n"
    assert "Orge: high" in run("alarms", "--as-known-at", "2024-01-01T00:10Z")
    assert run("alarms", "--log", "--as-known-at", "2024-01-01T00:10Z") == run("alarms", "--log")
    assert "Orge: flood" in run("incidents")
    assert json.loads(run("alarms", "load", "--json"))["alarms"] == 1
    assert "per 10 min" in run("alarms", "load")

    assert "shelve_longest           1 d" in run("alarms", "settings")
    assert "was 1 d" in run("alarms", "set", "shelve_longest", "10 min", "--reason", "shifts")
    assert "at most 10 min" in run(
        "alarms", "shelve", number, "--until", "366 d", "--reason", "r", code=2
    )
    assert "at most 10 min" in run(
        "alarms", "shelve", number, "--until", "30 min", "--reason", "r", code=2
    )


def test_what_the_commands_print_for_programs_and_of_an_end(
    run: Callable[..., str], world: World
) -> None:
    (alarm,) = [json.loads(line) for line in run("alarms", "--json").splitlines()]
    number = str(alarm["id"])
    assert "--version works with one alarm only" in run(
        "alarms", "ack", number, "998", "--version", "1", code=2
    )
    done = json.loads(run("alarms", "ack", number, "--author", "anne", "--json"))
    assert (done["alarm"], done["state"], done["version"]) == (alarm["id"], "acknowledged", 2)
    until = ("--until", "2024-01-01T02:00+01:00", "--reason", "r")
    shelved = json.loads(run("alarms", "shelve", number, *until, "--json"))
    assert shelved["hold"]["until"] == "2024-01-01T01:00:00Z"
    run("alarms", "unshelve", number)
    (incident,) = [json.loads(line) for line in run("incidents", "--json").splitlines()]
    assert (incident["title"], incident["alarms"]) == ("Orge: flood", [alarm["id"]])
    assert json.loads(run("alarms", "settings", "--json"))["shelve_longest"] == "1 d"
    (row,) = [line for line in run("alarms").splitlines() if line.strip().startswith(number)]
    assert row.split()[-3:] == ["3.2", "m", "rising"]
    assert " ongoing " in row

    for at in (15, 20, 25):
        world.store([Sent(site="orge", at=at, value=1.0)])
        world.beat(at)
        world.settle()
    (row,) = [line for line in run("alarms").splitlines() if line.strip().startswith(number)]
    assert " normal " in row
    assert " 2024-01-01 00:15 " in row or " 2024-01-01 00:25 " in row, row
    sheet = run("alarms", "--history")
    assert "raised 2024-01-01T00:10:00Z" in sheet
    assert "cleared 2024-01-01T00:" in sheet
    assert "seen 2024-01-01 00:10" in sheet
    assert run("incidents", "--domain", "lighting") == "no incidents\n"


def _form(client: httpx.Client, address: str, *, part: bool = False, **fields: Any) -> Any:
    return client.post(address, data=fields, headers={"HX-Request": "true"} if part else {})


def test_acts_from_the_page(world: World) -> None:
    with serving(world.url) as client:
        client.cookies.set("lang", "en")
        (alarm,) = get(client, "/api/v1/alarms")["alarms"]
        number, version = alarm["id"], alarm["version"]
        acts = f"/alarms/{number}/acts"
        done = _form(client, f"{acts}?q=orge", kind="acknowledge", version=version)
        assert done.status_code == 303
        assert done.headers["location"] == f"/alarms/{number}?q=orge"
        for fields, said in (
            ({"kind": "remind"}, "only the system can remind"),
            ({"kind": "escalate"}, "only the system can escalate"),
            (
                {"kind": "shelve", "until": "soon", "reason": "r"},
                "&#39;soon&#39; is not a time; expected 2024-10-10T08:00",
            ),
            ({"kind": "acknowledge"}, "it is already acknowledged"),
        ):
            for part in (True, False):
                refused = _form(client, acts, part=part, version=version + 1, **fields)
                assert refused.status_code == 422
                assert "Refused." in refused.text
                assert said.lower() in refused.text.lower()
                assert ("<html" in refused.text) is not part
        late = _form(client, acts, part=True, kind="comment", reason="too late", version=version)
        assert late.status_code == 409
        assert "too late" in late.text, "what was typed is kept"
        assert _form(client, "/alarms/99999/acts", kind="comment", version=1).status_code == 404
        soon = _form(client, acts, part=True, kind="shelve", version=2, minutes=30, reason="parked")
        assert soon.status_code == 200
        (shelved,) = get(client, "/api/v1/alarms?state=shelved")["alarms"]
        assert shelved["hold"]["until"] == "2024-01-01T00:40:00Z"
        _form(client, acts, kind="unshelve", version=3)
        _form(client, acts, kind="shelve", version=4, until="2024-01-01T02:00", reason="parked")
        (shelved,) = get(client, "/api/v1/alarms?state=shelved")["alarms"]
        assert shelved["hold"]["until"] == "2024-01-01T01:00:00Z", "the browser's time is local"


def test_one_act_on_several_alarms_from_the_page(world: World) -> None:
    with serving(world.url) as client:
        client.cookies.set("lang", "en")
        (alarm,) = get(client, "/api/v1/alarms")["alarms"]
        number, version = alarm["id"], alarm["version"]
        nothing = _form(client, "/alarms/acts", part=True, kind="acknowledge", alarm=["x:1", "7:"])
        assert "Nothing selected." in nothing.text
        mixed = _form(
            client,
            "/alarms/acts",
            part=True,
            kind="acknowledge",
            alarm=[f"{number}:{version}", f"{number}:{version}", "99999:1"],
        )
        assert "Done for 1 alarm." in mixed.text
        assert "Not done for 2 alarms." in mixed.text
        assert "has changed since you saw it" in mixed.text
        acts = get(client, f"/api/v1/alarms/{number}")["acts"]
        assert [act["kind"] for act in acts] == ["acknowledge"]
        back = _form(
            client,
            "/alarms/acts?domain=flood",
            kind="comment",
            reason=["", "the mayor called"],
            alarm=[f"{number}:2"],
        )
        assert (back.status_code, back.headers["location"]) == (303, "/alarms?domain=flood")


def test_a_setting_is_changed_on_its_page(world: World) -> None:
    with serving(world.url) as client:
        client.cookies.set("lang", "en")
        page = "/admin/settings"
        saved = _form(client, page, name="shelve_longest", value="10 min", reason="shifts")
        assert (saved.status_code, saved.headers["location"]) == (303, f"{page}?done=set")
        assert 'value="10 min"' in client.get(page).text
        wrong = _form(client, page, name="shelve_longest", value="0 min", reason="shifts")
        assert wrong.status_code == 422
        assert "expected a duration such as 8 h, at most 366 d" in wrong.text
        assert 'value="10 min"' in wrong.text
