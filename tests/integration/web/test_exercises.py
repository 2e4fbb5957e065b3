"""The API of exercises: who may lead, what those who train see, a run from start to reset."""

import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from hypervisor.base.settings import Settings
from tests.integration.exercises.conftest import BEGINS, FILE, HOURS, Led, led
from tests.integration.web.conftest import ClientOf
from tests.integration.web.served import server, signed_in

__all__ = ["led"]

pytestmark = pytest.mark.integration
ROOT = "/api/v1/exercises"


def test_a_live_instance_says_where_exercises_are_run(instance_settings: Settings) -> None:
    url = instance_settings.database_url
    with server(url, settings=instance_settings) as base, signed_in(base, url) as client:
        found = client.get(ROOT).json()
        assert (found["mode"], found["run"]) == ("LIVE", None)
        refused = client.post(f"{ROOT}/runs", json={"source": "quiet"})
        assert refused.status_code == 409
        assert "make an exercise" in refused.json()["detail"]
        assert any(one["source"] == "october-flood" for one in _playable(client))
        assert client.get(f"{ROOT}/playable/nothing").status_code == 404
        assert client.get(f"{ROOT}/runs/1/debrief").status_code == 409
        assert client.get(f"{ROOT}/runs/1").status_code == 404


def test_only_who_leads_may_know_what_is_to_come(client_of: ClientOf) -> None:
    trainee = client_of("operator")
    assert trainee.get(f"{ROOT}/playable/october-flood").status_code == 200
    for path in ("playable/october-flood?truth=true", "runs/1/injects", "runs/1/debrief"):
        assert trainee.get(f"{ROOT}/{path}").status_code == 403
    for path in ("runs", "reset"):
        body = {"source": "quiet"} if path == "runs" else {"reason": "again"}
        assert trainee.post(f"{ROOT}/{path}", json=body).status_code == 403
    leader = client_of("administrator")
    truth = leader.get(f"{ROOT}/playable/october-flood?truth=true").json()["truth"]
    assert any("flood-level" in one["alarms"] for one in truth)


def test_a_run_from_its_start_to_a_new_beginning(led: Led) -> None:
    url, settings = led.settings.database_url, led.settings
    with (
        server(url, settings=settings) as base,
        signed_in(base, url, "leader") as leader,
        signed_in(base, url, "trainee", (("operator", None),)) as trainee,
    ):
        refused = leader.post(f"{ROOT}/runs", json={"source": FILE})
        assert refused.status_code == 409, "no player"
        assert "hypervisor conduct" in refused.json()["detail"]
        with led.conductor():
            _until(lambda: trainee.get(ROOT).json()["conducted"])
            started = leader.post(
                f"{ROOT}/runs", json={"source": FILE, "held": True, "speed": None}
            )
            assert started.status_code == 202, started.text
            run = started.json()["run"]["id"]
            _until(lambda: _run(trainee, run)["state"] == "paused")

            call = leader.post(
                f"{ROOT}/runs/{run}/injects",
                json={"kind": "call", "title": "The mayor calls", "expected": "Call back"},
            )
            assert call.status_code == 201
            number, mark = call.json()["inject"]["id"], call.headers["etag"]
            moved = {"planned": (BEGINS + timedelta(hours=40)).isoformat()}
            path = f"{ROOT}/injects/{number}"
            assert leader.patch(path, json=moved).status_code == 428
            assert leader.patch(path, json=moved, headers={"If-Match": mark}).status_code == 200
            assert leader.patch(path, json=moved, headers={"If-Match": mark}).status_code == 412
            unknown = {"kind": "lost-sensor", "title": "x", "devices": ["nobody"]}
            said = leader.post(f"{ROOT}/runs/{run}/injects", json=unknown)
            assert (said.status_code, "neither a device nor a site" in said.text) == (422, True)
            assert trainee.get(ROOT).json()["messages"] == []
            fired = leader.post(f"{path}/fire").json()["inject"]
            assert fired["state"] == "fired"
            assert trainee.get(ROOT).json()["messages"][0]["title"] == "The mayor calls"
            (line,) = leader.get(f"{ROOT}/runs/{run}/checklist").json()["checklist"]
            seen = leader.patch(
                f"{ROOT}/checklist/{line['id']}",
                json={"outcome": "done", "note": "after 12 min"},
                headers={"If-Match": str(line["version"])},
            )
            assert seen.json()["item"]["noted_by"] == "leader"

            old = leader.get(f"{ROOT}/runs/{run}").headers["etag"]
            resumed = leader.post(
                f"{ROOT}/runs/{run}/orders", json={"kind": "resume"}, headers={"If-Match": old}
            )
            assert resumed.status_code == 202
            stale = leader.post(
                f"{ROOT}/runs/{run}/orders", json={"kind": "pause"}, headers={"If-Match": old}
            )
            assert stale.status_code == 412
            _until(lambda: _run(trainee, run)["state"] == "finished")
            over = _run(trainee, run)
            assert (over["progress"], over["readings"]) == (1.0, (HOURS - 6) * 4)
            assert _order(leader, run, kind="pause").status_code == 409
            wrong = leader.post(f"{ROOT}/runs", json={"source": FILE, "faults": ["nonsense"]})
            assert (wrong.status_code, "nonsense" in wrong.text) == (422, True)

            told = leader.get(f"{ROOT}/runs/{run}/debrief").json()["debrief"]
            kinds = {one["kind"] for one in told["timeline"]}
            assert {"inject", "alarm"} <= kinds
            assert told["figures"]["done"] == 1
            assert leader.post(f"{ROOT}/runs", json={"source": FILE}).status_code == 409
            restart = leader.post(f"{ROOT}/reset", json={"reason": "the second shift"})
            assert restart.status_code == 202
            assert restart.json()["run"] is None
            kept = leader.get(f"{ROOT}/runs/{run}/debrief").json()["debrief"]
            assert kept["figures"] == told["figures"]


def _playable(client: httpx.Client) -> list[dict[str, str]]:
    found: list[dict[str, str]] = client.get(f"{ROOT}/playable").json()["playable"]
    return found


def _run(client: httpx.Client, number: int) -> dict[str, object]:
    found: dict[str, object] = client.get(f"{ROOT}/runs/{number}").json()["run"]
    return found


def _order(client: httpx.Client, run: int, **body: object) -> httpx.Response:
    return client.post(f"{ROOT}/runs/{run}/orders", json=body)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
