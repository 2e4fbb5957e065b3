"""What saving accepts, evaluation does not set aside for its text: by every way of saving."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from hypervisor.base.errors import RulebookError
from hypervisor.evaluation import queries_setbacks
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Revision
from tests.integration.evaluation.world import World, us
from tests.integration.rulebook.conftest import Type
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration

# Each with a span that a bound of evaluation is about.
BOUNDED = (
    "mean(level, {} d) > 1 m",
    "quantile(level, 0.9, {} d) > 1 m",
    "change(level, {} d) > 1 m",
    "sum(catchment_rain, {} d) > 1 mm",
    "level - mean(level, {} d) > 1 m",
    "min(level, {} d) > 1 m or max(level, 1 d) > 9 m",
    "silent(level, {} d)",
    "level > 1 m and mean(catchment_rain, {} d) > 1 mm",
)
TEXT = """id: flood-far
title: far
when: {when}
{more}severity: major
advice: look
wrong when: never
tests: []
"""


def write(when: str, more: str = "") -> str:
    return TEXT.format(when=when, more=more)


def set_aside(world: World) -> list[str]:
    """What evaluation has set aside of the rule, after a step with it."""
    world.settle()
    world.restart()
    world.settle()
    rows = queries_setbacks.listing(world.connection)
    world.connection.commit()
    return [row.problem for row in rows if row.rule == "flood-far"]


def test_nothing_that_saving_accepts_is_set_aside(
    world: World, hypervisor: Type, tmp_path: Path
) -> None:
    random = Random(33)
    file = tmp_path / "flood.yaml"
    outcomes = set()
    with server(world.url) as base, signed_in(base, world.url) as client:
        for number in range(24):
            span = random.choice([1, 150, 190, 198, 199, 200, 201, 210, 366])
            when = BOUNDED[number % len(BOUNDED)].format(span)
            more = random.choice(["", "for: 2 d\n", "keep for: 3 d\n"])
            text = write(when, more)
            seen = client.get("/api/v1/rules/flood-far")
            headers = {"If-Match": seen.headers["etag"]} if seen.status_code == 200 else {}
            body = {"text": text, "reason": "test"}
            answer = client.put("/api/v1/rules/flood-far", json=body, headers=headers)
            file.write_text(f"- {text.replace(chr(10), chr(10) + '  ').rstrip()}\n")
            fresh = file.with_name("flood.yaml")
            fresh.write_text(file.read_text().replace("flood-far", f"flood-far{number}"))
            try:
                said = hypervisor(
                    "apply", str(fresh), "--dry-run", "--reason", "test", "--author", "ada"
                )
            except RulebookError as error:  # as the program prints it
                said = str(error)
            refused = "it looks back" in answer.text
            assert answer.status_code == (422 if refused else 200), (when, answer.text)
            assert ("it looks back" in said) == refused, (when, said)
            if not refused:
                assert set_aside(world) == [], (when, more)
            outcomes.add(refused)
    assert outcomes == {True, False}


def test_a_rollback_to_what_is_too_far_is_refused(world: World) -> None:
    """Such a revision may stand since before this was asked."""
    value: dict[str, Any] = {
        "id": "flood-far",
        "domain": "flood",
        "title": "far",
        "when": "mean(level, 366 d) > 1 m",
        "severity": "major",
    }
    for index, when in enumerate((value["when"], "level > 9 m")):
        revision = Revision(
            kind="rule",
            key="flood-far",
            value={**value, "when": when},
            effective=datetime.fromtimestamp(us(index) / 1e6, UTC),
            author="ada",
            reason="test",
        )
        registry_queries.write(world.connection, Changes(revisions=(revision,)))
    world.connection.commit()
    (old, _) = world.connection.execute(
        "SELECT id FROM revision WHERE key = 'flood-far' ORDER BY id"
    ).fetchall()
    world.connection.commit()
    with server(world.url) as base, signed_in(base, world.url) as client:
        answer = _roll_back(client, str(old[0]))
    assert answer.status_code == 422, answer.text
    assert "it looks back 366 d" in answer.json()["detail"]


def _roll_back(client: httpx.Client, to: str) -> httpx.Response:
    etag = client.get("/api/v1/rules/flood-far").headers["etag"]
    body = {"to": to, "reason": "test"}
    return client.post("/api/v1/rules/flood-far/rollback", json=body, headers={"If-Match": etag})
