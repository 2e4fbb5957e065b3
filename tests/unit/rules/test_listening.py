"""Silence of what has no supply: when it is due, and what is known of the supply."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules._clocks import ClockFactory
from rules._engine import evaluate
from rules._inputs import Device, Horizon, Steps, Subject
from rules._read import read_rule
from rules._readings import DAY_ZERO, Reported, Sent, columns
from rules._rule import Rule
from rules._yaml import Source, as_yaml
from sensors._quantity import Kind, Reporting
from tests.unit.rules.generating import OPEN

HOUR = 3_600_000_000
ALWAYS = Steps(at=np.array([DAY_ZERO]), value=np.ones(1))


def steps(*pairs: tuple[float, float]) -> Steps:
    return Steps(
        at=np.array([DAY_ZERO + int(hour * HOUR) for hour, _ in pairs], dtype=np.int64),
        value=np.array([value for _, value in pairs]),
    )


def rule(when: str) -> Rule:
    source = Source("test")
    return read_rule(source.compose(as_yaml({"id": "x", "when": when})), source, OPEN, domain="")


def lamp(key: str, fed: Steps | None, *spoke: float) -> Subject:
    times = [DAY_ZERO + int(hour * HOUR) for hour in spoke]
    return Subject(
        key=key,
        series={
            "light": columns(
                [Sent(series="light", time=t, value=1, quality=0, received_at=t) for t in times],
                Reported(
                    device=key,
                    kind=Kind.GAUGE,
                    reporting=Reporting.PERIODIC,
                    nonnegative=True,
                    interval=HOUR,
                ),
            )
        },
        devices={key: Device(commissioned=DAY_ZERO, in_service=ALWAYS, fed=fed)},
    )


def due(subject: Subject, hour: float) -> float | None:
    until = DAY_ZERO + int(hour * HOUR)
    (verdict,) = evaluate(
        [(0, rule("silent(light, 2 h)"))], [subject], Horizon(values=until, silence=until)
    )
    return None if verdict.due is None else (verdict.due - DAY_ZERO) / HOUR


def test_a_silence_is_due_when_the_lamp_was_fed_long_enough() -> None:
    assert due(lamp("a", None, 5), 5.5) == 7
    assert due(lamp("a", steps((6, 0), (17, 1)), 5), 5.5) == 18
    assert due(lamp("a", steps((6, 0), (17, 1), (17.5, 0), (20, 1)), 5), 5.5) == 20.5


def test_where_the_supply_is_known_to_end_it_is_asked_again_then() -> None:
    assert due(lamp("a", steps((6, 0)), 5), 5.5) == 6
    assert due(lamp("a", steps((6, 0), (17, 1), (17.5, 0)), 5), 5.5) == 17.5
    assert due(lamp("a", steps((6, 0)), 5), 6) is None  # and no more is known by then
    assert due(lamp("a", steps((6, 0), (17, 1), (29, 0)), 5), 17.5) == 18


def test_lamps_are_judged_together_each_by_its_own_supply() -> None:
    fed = steps((6, 0), (17, 1))
    late = steps((6, 0), (20, 1))
    lamps = [lamp("a", fed, 5), lamp("b", None, 5), lamp("c", late, 5), lamp("d", fed, 4)]
    until = DAY_ZERO + 30 * HOUR
    gaps = ((DAY_ZERO + 35 * HOUR // 2, DAY_ZERO + 37 * HOUR // 2),)  # 17:30 to 18:30
    horizon = Horizon(values=until, silence=until, gaps=gaps)
    revisions = [(0, rule("silent(light, 2 h)"))]
    together = evaluate(revisions, lamps, horizon)
    assert together == [evaluate(revisions, [one], horizon)[0] for one in lamps]
    began = [[(m.time - DAY_ZERO) / HOUR for m in v.moments][-1] for v in together]
    assert began == [19, 7, 21, 6]


def test_devices_of_one_supply_share_its_clock() -> None:
    fed = steps((6, 0), (17, 1))
    device = Device(commissioned=0, in_service=ALWAYS, fed=fed)
    clock_factory = ClockFactory(())
    first = clock_factory.clocks([device, replace(device, commissioned=5), None])
    again = clock_factory.clocks([device])
    assert len(first.distinct) == 2
    assert first.distinct[1] is again.distinct[1]


SWITCHINGS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0.0, 1.0])), max_size=8)
Switchings = list[tuple[int, float]]


@given(
    SWITCHINGS,
    st.none() | SWITCHINGS,
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10)), max_size=3),
    st.integers(0, 60),
    st.integers(1, 30),
)
def test_the_clock_runs_while_we_listen_and_the_device_has_its_supply_and_its_service(
    fed: Switchings, answers: Switchings | None, gaps: list[tuple[int, int]], since: int, span: int
) -> None:
    spans = tuple((begins, begins + length) for begins, length in gaps)
    device = Device(
        commissioned=0,
        in_service=ALWAYS,
        fed=_switched(fed),
        answers=None if answers is None else _switched(answers),
    )
    clocks = ClockFactory(_disjoint(spans)).clocks([device])
    found = int(clocks.after(np.array([since]), np.array([0]), span)[0])
    runs = [
        not any(begins <= t < stop for begins, stop in spans)
        and all(_state(switchings, t) != 0 for switchings in (fed, answers or []))
        for t in range(200)
    ]
    heard = [t for t in range(since, 200) if runs[t]]
    if len(heard) >= span:
        assert found == heard[span - 1] + 1
    else:
        assert found > 200


def _switched(switchings: Switchings) -> Steps:
    pairs = sorted(dict(switchings).items())
    return Steps(
        at=np.array([at for at, _ in pairs], dtype=np.int64),
        value=np.array([value for _, value in pairs]),
    )


def _state(switchings: Switchings, time: int) -> float:
    pairs = sorted(dict(switchings).items(), reverse=True)
    return next((value for at, value in pairs if at <= time), 1.0)


def _disjoint(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for begins, stop in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        else:
            found.append((begins, stop))
    return tuple(found)


def test_a_supply_that_is_never_there_makes_nobody_silent() -> None:
    assert due(lamp("a", steps((-1, 0)), 5), 5.5) is None
    until = DAY_ZERO + 99 * HOUR
    horizon = Horizon(values=until, silence=until)
    dark = lamp("a", steps((-1, 0)))
    (verdict,) = evaluate([(0, rule("silent(light, 2 h)"))], [dark], horizon)
    assert not any(moment.began for moment in verdict.moments)


@pytest.mark.parametrize("count", [2, 300])
def test_many_lamps_of_one_cabinet(count: int) -> None:
    fed = steps(
        *[(24 * day + hour, value) for day in range(9) for hour, value in ((6, 0), (17, 1))]
    )
    lamps = [lamp(f"l{i}", fed, 5) for i in range(count)]
    until = DAY_ZERO + 8 * 24 * HOUR
    verdicts = evaluate(
        [(0, rule("silent(light, 12 h)"))], lamps, Horizon(values=until, silence=until)
    )
    # An hour before six, eleven from 17:00.
    assert {v.moments[-1].began for v in verdicts} == {DAY_ZERO + 28 * HOUR}


def test_a_group_larger_than_its_zones_is_judged_all_the_same() -> None:
    members = [lamp(f"l{i}", None, *range(5, 9)) for i in range(1500)]
    old = Steps(at=np.array([DAY_ZERO - 230 * 365 * 24 * HOUR, DAY_ZERO]), value=np.array([1.0, 0]))
    series = {f"light@{m.key}": replace(m.series["light"], withdrawn=old) for m in members}
    group = Subject(
        key="group/all",
        series=series,
        devices={m.key: m.devices[m.key] for m in members},
        group={"light": tuple(series)},
    )
    until = DAY_ZERO + 20 * HOUR
    horizon = Horizon(values=until, silence=until)
    (verdict,) = evaluate([(0, rule("share(light == 1) > 0.99"))], [group], horizon)
    assert [m.began for m in verdict.moments if m.began] == [DAY_ZERO + 5 * HOUR] * 2
    (verdict,) = evaluate([(0, rule("share(silent(light, 2 h)) > 0.99"))], [group], horizon)
    assert [m.began for m in verdict.moments if m.began][-1] == DAY_ZERO + 10 * HOUR
