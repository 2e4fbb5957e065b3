"""The present rate and when it reaches a level."""

import pytest

from hypervisor.outlook.rates import arrival, rate

QUARTER = 900.0


def _line(per_hour: float, count: int, start: float = 1.0) -> list[tuple[float, float]]:
    return [(n * QUARTER, round(start + per_hour * n / 4, 2)) for n in range(count)]


def test_a_steady_rise_is_told_and_reaches_its_level() -> None:
    found = rate(_line(0.08, 25), resolution=0.01)
    assert found is not None
    assert found.per_hour == pytest.approx(0.08, abs=1e-6)
    assert found.sure
    when = arrival(found, found.value + 0.08)
    assert when is not None
    assert when.at - found.at == pytest.approx(3600, abs=1)
    assert when.soonest < when.at < (when.latest or 0)


def test_only_the_last_hours_count() -> None:
    falling = [(n * QUARTER, 3 - n * 0.1) for n in range(20)]
    rising = [(20 * QUARTER + n * QUARTER, 1.1 + n * 0.05) for n in range(13)]
    found = rate([*falling, *rising])
    assert found is not None
    assert found.per_hour == pytest.approx(0.2, abs=1e-9)


def test_steps_of_a_still_gauge_lead_nowhere() -> None:
    still = [(n * QUARTER, 1.0 if n % 5 else 1.01) for n in range(13)]
    found = rate(still, resolution=0.01)
    assert found is not None
    assert not found.sure
    assert arrival(found, 2.0) is None


def test_what_stands_above_has_arrived_and_what_falls_never_does() -> None:
    found = rate(_line(-0.08, 13, start=2.0))
    assert found is not None
    assert arrival(found, 1.0) is not None
    assert arrival(found, 3.0) is None


def test_too_few_readings_make_no_rate() -> None:
    assert rate([]) is None
    assert rate(_line(0.1, 2)) is None
    assert rate([(0.0, 1.0), (1.0, 1.1), (2.0, 1.2)]) is None
