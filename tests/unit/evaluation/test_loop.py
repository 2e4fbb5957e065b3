"""What the watch says as it goes, how it waits for its turn and for a database that is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from hypervisor.base.instance import Instance, InstanceError, Mode
from hypervisor.base.instants import parse
from hypervisor.database.connect import StoreError
from hypervisor.evaluation import loop
from hypervisor.evaluation.batch import Report
from hypervisor.evaluation.loop import Wiring
from hypervisor.evaluation.queries import EvaluationState
from sensors._row import NEVER

NOW = datetime(2024, 1, 1, tzinfo=UTC)
WIRING = Wiring(
    url="postgresql://nowhere",
    catalogue=SimpleNamespace(),  # type: ignore[arg-type]
    packs=(),
    retention=0,
    clock=lambda: NOW,
)
NOBODY: Any = None
LOOP = "hypervisor.evaluation.loop"


class Stop(Event):
    """Stops at the wait of a number; remembers how long each was to be."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self._after = after

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if len(self.waits) >= self._after:
            self.set()
        return self.is_set()


@pytest.fixture
def words() -> list[str]:
    return []


def report(**more: Any) -> Report:
    return Report(**{"entries": 0, "rows": 0, "judged": 0, **more})


def transition(kind: str, reason: str = "") -> Any:
    event = parse("2024-01-01T05:06:07.5Z")
    return SimpleNamespace(alarm=7, kind=kind, event=event, reason=reason)


def test_what_becomes_of_alarms_is_said_in_a_line_each(words: list[str]) -> None:
    done_step = report(
        alarms=[SimpleNamespace(id=7, title="Mill high")],
        transitions=[transition("raised", "minor"), transition("cleared")],
        set_aside=[("flood-x", "mill")],
        resumed=[("", "ford")],
    )
    loop._tell(done_step, words.append)  # noqa: SLF001  the words of one step
    assert words == [
        "SET ASIDE, its evaluation failed: rule flood-x at mill",
        "evaluated again: every rule at ford",
        "raised at 2024-01-01 05:06:07Z: Mill high (minor)",
        "cleared at 2024-01-01 05:06:07Z: Mill high",
    ]


def test_what_is_watched_is_counted_by_kind() -> None:
    def census(**kinds: int) -> str:
        subjects = {
            f"{kind}{n}": SimpleNamespace(per=kind)
            for kind, count in kinds.items()
            for n in range(count)
        }
        return loop._census(SimpleNamespace(subjects=subjects))  # type: ignore[arg-type]  # noqa: SLF001

    assert census(device=1, site=2, group=3) == "2 sites, 1 device, 3 groups"
    assert census(site=1) == "1 site"
    assert census() == ""


@pytest.mark.parametrize(
    ("mode", "state", "since"),
    [
        (Mode.LIVE, None, NOW),
        (Mode.EXERCISE, None, None),
        (Mode.EXERCISE, EvaluationState(cursor="0", engine=""), None),
        (
            Mode.EXERCISE,
            EvaluationState(cursor="0", engine="", heard_to=parse("2022-01-01T00:00Z")),
            datetime(2022, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_changed_pack_holds_from_now_or_from_where_the_scenario_stands(
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
    state: EvaluationState | None,
    since: datetime | None,
) -> None:
    monkeypatch.setattr(loop, "load_state", lambda _: state)
    instance = Instance(mode=mode, name="test")
    assert loop._now(NOBODY, instance, WIRING) == since  # noqa: SLF001
    assert state is None or state.judged_to == NEVER


def test_a_turn_is_waited_for_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    turns = iter([False, False, True])
    monkeypatch.setattr(f"{LOOP}.listener.take", lambda _: next(turns))
    stop = Stop(after=9)
    assert loop._took_turn(NOBODY, stop, words.append)  # noqa: SLF001
    assert words == ["another watch is at work on this database; waiting until it ends"]
    assert stop.waits == [1.0, 1.0]
    monkeypatch.setattr(f"{LOOP}.listener.take", lambda _: False)
    assert not loop._took_turn(NOBODY, Stop(after=2), words.append)  # noqa: SLF001


def gone(*_: Any, **__: Any) -> Any:
    raise StoreError("the database is away")


def test_a_database_that_is_away_is_waited_for_longer_each_time(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(loop, "connect", gone)
    stop = Stop(after=7)
    loop.run(WIRING, stop=stop, say=words.append)
    assert stop.waits == [0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0]
    assert words[0] == "the database is away; trying again in 0.5 s"
    assert words[-1] == "the database is away; trying again in 10 s"


def test_once_it_was_reached_the_waiting_begins_anew(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """It is there the third time, and lost as soon as it is watched."""
    tries = iter([False, False, True, False])

    @contextmanager
    def connect(url: str, *, autocommit: bool) -> Iterator[Any]:
        assert (url, autocommit) == ("postgresql://nowhere", True)
        if not next(tries):
            raise StoreError("away")
        yield None

    def lost(*_: Any) -> None:
        raise StoreError("lost")

    monkeypatch.setattr(loop, "connect", connect)
    monkeypatch.setattr(f"{LOOP}.listener.take", lambda _: True)
    monkeypatch.setattr(loop, "_watch", lost)
    stop = Stop(after=4)
    loop.run(WIRING, stop=stop, say=words.append)
    assert words == [
        *("away; trying again in 0.5 s", "away; trying again in 1 s"),
        *("lost; trying again in 0.5 s", "away; trying again in 1 s"),
    ]


def test_a_database_that_is_neither_live_nor_an_exercise_is_not_watched(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(f"{LOOP}.instance_store.read", lambda _: None)
    with pytest.raises(InstanceError) as caught:
        loop._watch(NOBODY, WIRING, Stop(after=1), words.append)  # noqa: SLF001
    assert str(caught.value) == (
        "this database has not been said to be live or an exercise; run `hypervisor up`"
        " or `hypervisor migrate` first"
    )


class Watched:
    """A watch whose steps are counted, on a clock that each step moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *steps: float) -> None:
        self.now, self._steps = 1_000.0, iter(steps)
        self.done: list[str] = []
        self.stop = Event()
        self.unfit: dict[tuple[str, str], str] = {}
        self.more = False
        territory = SimpleNamespace(
            subjects={"mill": SimpleNamespace(per="site")}, revisions={("a", "mill"): ()}, unfit={}
        )
        self.memory = SimpleNamespace(territory=territory, state=SimpleNamespace(cursor="77"))
        instance = Instance(mode=Mode.EXERCISE, name="Essonne")
        monkeypatch.setattr(f"{LOOP}.instance_store.read", lambda _: instance)
        monkeypatch.setattr(f"{LOOP}.listener.listen", lambda _: self.done.append("listen"))
        monkeypatch.setattr(
            f"{LOOP}.shipped_rules.record_and_log", lambda *_, **__: ["flood-x", "flood-y"]
        )
        monkeypatch.setattr(loop, "load_state", lambda _: None)
        monkeypatch.setattr(loop, "load_memory", lambda *_: self.memory)
        monkeypatch.setattr(loop, "monotonic", lambda: self.now)
        monkeypatch.setattr(loop, "step", self._step)
        monkeypatch.setattr(loop, "prune", lambda *_: self.done.append("forget"))
        monkeypatch.setattr(
            f"{LOOP}.feed.prune", lambda _, cursor: self.done.append(f"prune {cursor}")
        )
        monkeypatch.setattr(f"{LOOP}.channels.wait", lambda _, s: self.done.append(f"wait {s:g}"))

    def _step(self, *_: Any) -> Report:
        following = next(self._steps, None)
        if following is None:
            self.stop.set()
        else:
            self.now += following
        self.memory.territory.unfit = self.unfit
        self.done.append("step")
        return report(entries=200 if self.more else 199)

    def run(self, words: list[str]) -> list[str]:
        loop._watch(NOBODY, WIRING, self.stop, words.append)  # noqa: SLF001
        return self.done


def test_it_says_what_it_watches_and_which_rules_were_recorded(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    assert Watched(monkeypatch).run(words) == ["listen", "step", "wait 1"]
    assert words == [
        "rules recorded from their packs: flood-x, flood-y",
        "EXERCICE 'Essonne': watching 1 site, 1 judgements",
    ]


def test_the_feed_is_pruned_each_minute_and_the_journal_forgotten_each_hour(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    watched = Watched(monkeypatch, 60, 1, 60, 3539, 61, 1)
    done = [each for each in watched.run(words) if each not in ("wait 1", "listen")]
    assert done == [
        *("step", "step", "prune 77", "forget"),  # a minute and a second after the start
        *("step", "step", "prune 77", "step", "prune 77", "forget"),
        *("step", "step"),
    ]


def test_while_the_feed_holds_more_it_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    watched = Watched(monkeypatch, 0)
    watched.more = True
    assert watched.run(words) == ["listen", "step", "step"]


def test_a_rule_that_does_not_apply_is_said_once_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    watched = Watched(monkeypatch, 0, 0, 0)
    watched.unfit = {("flood-x", "mill"): "two devices in service measure level"}
    watched.run(words)
    assert words[2:] == [
        "rule flood-x does not apply at mill: two devices in service measure level"
    ]
