"""A rule, site or series whose evaluation fails is set aside; all others go on, and it heals."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.evaluation import columns, queries_setbacks, recording
from hypervisor.evaluation import evaluate as evaluate_module
from hypervisor.evaluation.columns import ColumnQuery
from rules._engine import evaluate
from rules._inputs import Horizon, Subject
from rules._log import episodes
from rules._rule import Rule
from rules._rule_state import Episode, StateChange, Verdict
from tests.integration.evaluation.world import Sent, World, us

pytestmark = pytest.mark.integration

SITES = ("ford", "mill", "weir")
RISE, HIGH = "flood-rise", "flood-high"


@pytest.fixture
def three(world: World) -> World:
    world.register(SITES)
    world.record_rules()
    world.join()
    return world


def flood(world: World, since: int, until: int) -> None:
    """Readings every 5 min, one batch a time: every site rises above all, and falls again."""
    for at in range(since, until, 5):
        level = 2.0 + 3.0 * (60 <= at % 180 < 120)
        world.store([Sent(site=site, at=at, value=level) for site in SITES])
        world.beat(at)
        world.step()


def aside(world: World) -> list[tuple[str, str]]:
    found = [
        (set_aside.rule, set_aside.subject)
        for set_aside in queries_setbacks.listing(world.connection)
    ]
    world.connection.commit()
    return found


def problems(world: World) -> str:
    found = " ".join(set_aside.problem for set_aside in queries_setbacks.listing(world.connection))
    world.connection.commit()
    return found


def events(world: World) -> list[tuple[str, dict[str, Any]]]:
    rows = world.connection.execute(
        "SELECT event, body FROM outbox WHERE alarm IS NULL ORDER BY id"
    ).fetchall()
    world.connection.commit()
    return [(event, body) for event, body in rows]


def change(world: World) -> None:
    """Something in the registry changes, that no rule here is about."""
    world.revise(world.fact("threshold", "ford/free", {"value": 1.0, "unit": "m"}))
    feed.append(world.connection, "registry")
    world.connection.commit()


def logged(world: World, rule: str, site: str) -> list[dict[str, Any]]:
    return [one for one in world.log() if (one["rule"], one["subject"]) == (rule, site)]


def undisturbed(world: World) -> list[dict[str, Any]]:
    """The log of the same readings, evaluated from the beginning by a watch that never fails."""
    world.reset()
    world.settle()
    return world.log()


def evaluation(monkeypatch: pytest.MonkeyPatch, _world: World) -> None:
    def broken(
        revisions: Sequence[tuple[int, Rule | None]],
        subjects: Sequence[Subject],
        horizon: Horizon,
        **more: Any,
    ) -> list[Verdict]:
        ids = {rule.id for _, rule in revisions if rule is not None}
        if RISE in ids and any(subject.key == "mill" for subject in subjects):
            raise OverflowError("Python int too large to convert to C long")
        return evaluate(revisions, subjects, horizon, **more)

    monkeypatch.setattr(evaluate_module, "evaluate", broken)


def folding(monkeypatch: pytest.MonkeyPatch, _world: World) -> None:
    def broken(rule: str, subject: str, states: Sequence[StateChange]) -> list[Episode]:
        if (rule, subject) == (RISE, "mill"):
            raise AssertionError("no such phase")
        return episodes(rule, subject, states)

    monkeypatch.setattr(recording, "episodes", broken)


def writing(_monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The database itself refuses its rows."""
    world.connection.execute(
        "ALTER TABLE rule_state ADD CONSTRAINT never"
        " CHECK (NOT (rule = 'flood-rise' AND subject = 'mill')) NOT VALID"
    )
    world.connection.commit()


def _allow(world: World) -> None:
    world.connection.execute("ALTER TABLE rule_state DROP CONSTRAINT never")
    world.connection.commit()


def reading(monkeypatch: pytest.MonkeyPatch, _world: World) -> None:
    """The database refuses what is asked of it for the rule's window."""
    original = columns.load_subjects

    def broken(
        connection: Connection, tails: Any, wanted: Sequence[ColumnQuery], *, hold: bool
    ) -> dict[str, Subject]:
        if any(one.subject.key == "mill" for one in wanted):
            with connection.transaction():
                connection.execute("SELECT 99999999999999999999::bigint")
        return original(connection, tails, wanted, hold=hold)

    monkeypatch.setattr(columns, "load_subjects", broken)


@pytest.mark.parametrize("fail", [evaluation, folding, writing, reading])
def test_what_fails_is_set_aside_alone_and_heals_into_the_same_log(
    three: World, fail: Callable[[pytest.MonkeyPatch, World], None]
) -> None:
    flood(three, 0, 100)
    assert logged(three, RISE, "mill")
    with pytest.MonkeyPatch.context() as monkeypatch:
        fail(monkeypatch, three)
        flood(three, 100, 400)

        assert (RISE, "mill") in aside(three)
        assert {subject for _, subject in aside(three)} == {"mill"}
        assert three.progress() == (395, 0)
        for site in ("ford", "weir"):
            assert len(logged(three, RISE, site)) == 2, site
            assert len(logged(three, HIGH, site)) == 2, site
        if fail is not reading:
            assert aside(three) == [(RISE, "mill")]
            assert len(logged(three, HIGH, "mill")) == 2
        assert len(logged(three, RISE, "mill")) == 1
        if fail is writing:
            _allow(three)
    assert aside(three) != []

    change(three)
    three.settle()

    assert aside(three) == []
    healed = three.log()
    assert len(logged(three, RISE, "mill")) == 2
    assert healed == undisturbed(three)


def test_it_is_said_once_by_an_event_and_again_when_it_goes_on(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        evaluation(broken, three)
        flood(three, 0, 60)
        change(three)
        three.settle()
        three.restart()
        flood(three, 60, 120)
        (said,) = events(three)
    assert said[0] == "set aside"
    assert said[1]["rule"] == RISE
    assert said[1]["subjects"] == ["mill"]
    assert said[1]["problem"] == "OverflowError: Python int too large to convert to C long"

    three.restart()
    three.settle()

    assert [event for event, _ in events(three)] == ["set aside", "resumed"]
    assert aside(three) == []
    assert three.log() == undisturbed(three)


def test_what_is_late_and_corrected_meanwhile_is_caught_up_with_after_a_crash(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood(three, 0, 100)
    with monkeypatch.context() as broken:
        evaluation(broken, three)
        flood(three, 100, 200)
        three.store([Sent(site="mill", at=at, value=9.0, received=200) for at in (2, 7, 12)])
        three.step()
        (one,) = queries_setbacks.listing(three.connection)
        three.connection.commit()
        assert one.since.minute <= 2
        assert one.since.hour == 0
        three.restart()
        flood(three, 200, 260)

    three.restart()
    three.settle()

    assert aside(three) == []
    assert three.log() == undisturbed(three)


def written(rule: str, when: str) -> dict[str, Any]:
    return {
        "domain": "flood",
        "id": rule,
        "title": "{site}: evil",
        "when": when,
        "severity": "minor",
        "advice": "look",
        "wrong when": "never",
    }


@pytest.mark.parametrize(
    ("when", "where", "said"),
    [
        ("mean(level, 999999999 d) > 1 m", "", "1e+09 d is too long"),
        ("level > 1e400 m", "", "1e400 is too large"),
        ("(" * 300 + "level > 1 m" + ")" * 300, "", "nested too deep"),
        ("mean(level, 300 d) > 1 m", "mill", "it looks back 300 d"),
    ],
)
def test_a_rule_accepted_once_that_cannot_be_evaluated_stops_no_other(
    three: World, when: str, where: str, said: str
) -> None:
    """As it stands in a database whose version accepted it."""
    flood(three, 0, 60)
    three.revise(three.fact("rule", "flood-evil", written("flood-evil", when), since=us(0)))
    feed.append(three.connection, "registry")
    flood(three, 60, 200)

    assert ("flood-evil", where) in aside(three)
    assert {rule for rule, _ in aside(three)} == {"flood-evil"}
    assert said in problems(three)
    for site in SITES:
        assert len(logged(three, RISE, site)) == 1
    three.restart()
    flood(three, 200, 300)
    assert all(len(logged(three, RISE, site)) == 2 for site in SITES)

    three.revise(three.fact("rule", "flood-evil", None, since=us(250)))
    three.settle()

    assert aside(three) == []


def test_a_long_look_back_does_not_keep_late_readings_from_other_rules(three: World) -> None:
    """The revision horizon is raw retention less the longest look-back of all rules."""
    three.retention = 60 * 24 * 60 * 60_000_000  # 60 d
    evil = written("flood-evil", "mean(level, 59 d) > 9 m")
    three.revise(three.fact("rule", "flood-evil", evil, since=us(0)))
    start = 40 * 24 * 60
    for at in (0, start):
        three.store([Sent(site=site, at=at, value=2.0) for site in SITES])
        three.beat(at)
        three.step()
    late = 20 * 24 * 60
    three.store(
        [Sent(site="mill", at=late + at, value=5.0, received=start) for at in range(0, 30, 5)]
    )
    three.step()
    assert len(logged(three, HIGH, "mill")) == 1
    assert {rule for rule, _ in aside(three)} == {"flood-evil"}


def test_a_rule_that_fails_is_mended_by_its_revision(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluate

    def broken(
        revisions: Sequence[tuple[int, Rule | None]],
        subjects: Sequence[Subject],
        horizon: Horizon,
        *,
        starts: dict[str, int],
        **more: Any,
    ) -> list[Verdict]:
        first = min(starts.values())
        if revisions[0][1] is not None and revisions[0][1].id == "flood-evil" and first < us(100):
            raise ZeroDivisionError("division by zero")
        return original(revisions, subjects, horizon, starts=starts, **more)

    monkeypatch.setattr(evaluate_module, "evaluate", broken)
    evil = written("flood-evil", "change(level, 1 h) > 9 m")
    three.revise(three.fact("rule", "flood-evil", evil, since=us(0)))
    flood(three, 0, 100)
    assert {pair[0] for pair in aside(three)} == {"flood-evil"}

    better = written("flood-evil", "change(level, 1 h) > 2 m")
    three.revise(three.fact("rule", "flood-evil", better, since=us(150)))
    flood(three, 100, 300)

    assert aside(three) == []
    assert all(len(logged(three, "flood-evil", site)) == 1 for site in SITES)


@pytest.mark.parametrize(
    ("kind", "key", "value", "until"),
    [
        ("series", "mill/level", {"interval_s": 300, "stale_s": 1e300}, {"interval_s": 300}),
        ("series", "mill/level", {"interval_s": -1}, {"interval_s": 300}),
        ("series", "mill/level", {"interval_s": "often"}, {"interval_s": 300}),
        ("threshold", "mill/attention", {"value": "high", "unit": "m"}, {"value": 3, "unit": "m"}),
        ("threshold", "mill/attention", {"value": 1e308, "unit": "km"}, {"value": 3, "unit": "m"}),
        ("link", "ford>mill", {"travel_s": 1e300}, {"travel_s": 3600}),
    ],
)
def test_a_site_of_which_nothing_can_be_made_stops_no_other(
    three: World, kind: str, key: str, value: dict[str, Any], until: dict[str, Any]
) -> None:
    flood(three, 0, 60)
    three.revise(three.fact(kind, key, value))
    flood(three, 60, 300)

    assert aside(three) == [("", "mill")]
    for site in ("ford", "weir"):
        assert len(logged(three, HIGH, site)) == 2

    three.revise(three.fact(kind, key, until))
    flood(three, 300, 360)

    assert aside(three) == []
    assert three.log() == undisturbed(three)
