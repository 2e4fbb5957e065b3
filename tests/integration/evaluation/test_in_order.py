"""Readings in order: raised, stepped, stale, cleared; silence; restarts."""

import pytest

from tests.integration.evaluation.world import Sent, World

pytestmark = pytest.mark.integration


def test_an_alarm_from_its_beginning_to_its_end(world: World) -> None:
    world.register(["orge"])
    world.record_rules()
    world.join()
    for at, value in (
        (0, 2.0),
        (5, 3.1),
        (10, 3.2),
        (15, 4.2),
        (20, 3.5),
        (25, 2.5),
        (30, 2.5),
        (35, 2.5),
    ):
        world.store([Sent(site="orge", at=at, value=value)])
        world.beat(at)
        world.step()

    (alarm,) = [one for one in world.log() if one["rule"] == "flood-high"]
    assert alarm == {
        "rule": "flood-high",
        "subject": "orge",
        "since": "2024-01-01T00:05:00Z",
        "began": "2024-01-01T00:15:00Z",
        "ended": "2024-01-01T00:35:00Z",
        "severity": [["2024-01-01T00:15:00Z", "major"], ["2024-01-01T00:20:00Z", "minor"]],
        "stale": [],
    }
    told = [
        (transition.kind, transition.reason)
        for transition in world.transitions()
        if transition.snapshot["rule"] == "flood-high"
    ]
    assert [kind for kind, _ in told] == ["raised", "severity", "cleared"]
