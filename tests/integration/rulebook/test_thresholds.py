"""Thresholds set by a person, beside inventories and beside each other."""

import json
import threading
from collections.abc import Callable

import httpx
import pytest

from hypervisor.base.errors import RulebookError, StaleError, UnknownError
from hypervisor.database import audit
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.revisions import Stamp
from tests.integration.evaluation.world import CATALOGUE, DAY, Sent, World
from tests.integration.rulebook.test_api import SAID, ask
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

Type = Callable[..., str]
WHY = ("--reason", "the road floods sooner", "--author", "Ada")
SET = ("threshold", "set", "orge")


def test_set_listed_logged_and_withdrawn(hypervisor: Type, world: World) -> None:
    assert "orge/alert: 4 m -> 3.5 m" in hypervisor(*SET, "alert", "350 cm", *WHY)
    assert "is 3.5 m already" in hypervisor(*SET, "alert", "3.5 m", *WHY)
    assert "not set -> 0.05 m/h" in hypervisor(*SET, "rise", "5 cm/h", *WHY)
    own = hypervisor("threshold", "set", "device/orge", "rise", "4 cm/h", *WHY)
    assert "device/orge/rise: not set -> 0.04 m/h" in own
    bank = hypervisor(*SET, "bank", "3.1 m", "--quantity", "level", *WHY)
    assert "orge/bank: not set -> 3.1 m" in bank

    listed = hypervisor("threshold", "list", "orge")
    assert "the road floods sooner" in listed
    assert "device/orge" not in listed
    log = hypervisor("threshold", "log", "orge", "alert", "--json")
    first, last = (json.loads(line) for line in log.splitlines())
    assert (last["author"], last["previous"]) == ("Ada", first["id"])
    assert "value: 4 m -> 3.5 m" in hypervisor("diff", "orge/alert")

    assert "-> withdrawn" in hypervisor("threshold", "withdraw", "orge", "rise", *WHY)
    assert "orge/rise" not in hypervisor("threshold", "list", "orge")
    kinds = [act.kind for act in audit.list_acts(world.connection, subject="orge/rise")]
    assert kinds == ["threshold", "threshold-withdraw"]


MISTAKES = (
    (("orge", "alert", "3.5"), "has no unit"),
    (("orge", "alert", "3.5 m3/s"), "expected a value in m"),
    (("orge", "alert", "99 m"), "lies outside what level can be"),
    (("orge", "alert", "2 m"), "is not above attention"),
    (("orge", "attention", "4.5 m"), "is not below alert"),
    (("orge", "alrt", "3.5 m"), "did you mean 'alert'"),
    (("oreg", "alert", "3.5 m"), "did you mean 'orge'"),
    (("device/oreg", "rise", "3 cm/h"), "did you mean 'orge'"),
)


def test_mistakes_are_told_and_change_nothing(hypervisor: Type) -> None:
    before = hypervisor("threshold", "list")
    for words, said in MISTAKES:
        with pytest.raises(RulebookError, match=said):
            hypervisor("threshold", "set", *words, *WHY)
    assert hypervisor("threshold", "list") == before


def test_what_was_never_set_is_told(hypervisor: Type) -> None:
    with pytest.raises(UnknownError, match="was ever set"):
        hypervisor("threshold", "log", "orge", "rise")
    with pytest.raises(RulebookError, match="no reason"):
        hypervisor(*SET, "alert", "3.5 m", "--author", "Ada")


def test_an_older_inventory_does_not_take_it_back(hypervisor: Type, world: World) -> None:
    text = "sites:\n  - name: orge\n    thresholds: {alert: 4.2 m, danger: 5.5 m}\n"
    stamp = Stamp(author="Bob", reason="survey", now=DAY)

    def apply(said: str, *, overwrites: bool = False) -> None:
        with world.connection.transaction():
            apply_steps(
                world.connection,
                lambda _: [read_text(said, file="town.yaml", catalogue=CATALOGUE)],
                stamp=stamp,
                act=Act(overwrites=overwrites),
            )

    apply(text)
    hypervisor(*SET, "alert", "3.5 m", *WHY)
    apply(text.replace("4.2 m", "350 cm").replace("5.5", "5.6"))
    with pytest.raises(StaleError, match=r"the file says 4.2 m, but 3.5 m was set by .* by Ada"):
        apply(text)
    assert "3.5 m" in hypervisor("threshold", "list", "orge")
    apply(text, overwrites=True)
    assert "4.2 m" in hypervisor("threshold", "list", "orge")
    apply(text.replace("4.2 m", "4.3 m"))


def test_of_two_at_once_one_is_told_of_the_other(world: World) -> None:
    with serving(world.url) as client:
        etag = ask(client, "GET", "/thresholds/orge/alert", 200)["etag"]
        answers: list[httpx.Response] = []

        def put(value: str) -> None:
            answers.append(
                client.put(
                    "/api/v1/thresholds/orge/alert",
                    json={**SAID, "value": value},
                    headers={"If-Match": etag},
                )
            )

        both = [threading.Thread(target=put, args=(value,)) for value in ("3.5 m", "3.6 m")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        log = ask(client, "GET", "/thresholds/orge/alert/revisions", 200)["revisions"]
        assert len(log) == 2


def test_a_gauge_proposes_from_what_is_stored(hypervisor: Type, world: World) -> None:
    for day in range(12):
        world.store(
            [
                Sent(site="orge", at=day * 1440 + minute, value=2 + minute / 1440)
                for minute in range(60, 1440, 60)
            ]
        )
    (row,) = [json.loads(line) for line in hypervisor("propose", "orge", "--json").splitlines()]
    assert row["quantity"] == "level"
    assert [one["threshold"] for one in row["candidates"] if one["basis"] == "now"] == [
        "attention",
        "alert",
        "danger",
    ]
    assert not any(one["chosen"] for one in row["candidates"])
    assert "too short" in hypervisor("propose", "orge")
    with pytest.raises(RulebookError, match="no 100 good readings"):
        hypervisor("propose", "orge", "--to", "2024-01-02")
    with serving(world.url) as client:
        found = ask(client, "GET", "/thresholds/orge/proposal", 200)
        assert found["proposals"][0]["candidates"] == row["candidates"]
        assert "'orge'" in ask(client, "GET", "/thresholds/oreg/proposal", 404)["detail"]
