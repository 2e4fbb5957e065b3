"""Events files: what an author writes, and what is said of a slip."""

import pytest

from hypervisor.backtest.events import is_event, read_events, rules_of
from hypervisor.backtest.model import BacktestError
from rules._errors import RuleError
from sensors._domain import catalogue
from tests.unit.backtest.making import HOUR, at, entries


def test_an_event_as_it_is_written() -> None:
    (one,) = entries("""
- name: the flood
  sites: [pont, moulin]
  rules: [flood-level]
  severity: major
  from: 2022-01-01 06:00+01:00
  to: 2022-01-02
  when: level > 250 cm
  lead: 6 h
""")
    assert (one.since, one.until) == (at(5), at(24))
    assert (one.sites, one.rules, one.severity) == (("pont", "moulin"), ("flood-level",), "major")
    assert (one.lead, one.apart, one.nothing) == (6 * HOUR, 24 * HOUR, False)
    (rule,) = rules_of([one], catalogue())
    assert is_event(rule.id)
    assert (rule.domain, rule.names) == ("flood", ("level",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {site: pont, crossings: level > 2 m}", "needs a `name`"),
        ("- {name: x, site: pont}", "either `crossings`, or `from` and `to`"),
        ("- {name: x, from: 2022-01-02, crossings: level > 2 m}", "either"),
        ("- {name: x, from: 2022-01-02}", "must have a `to`"),
        ("- {name: x, from: 2022-01-02, to: 2022-01-01}", "lies after it"),
        ("- {name: x, crossings: level > 2}", "events.yaml:1:"),
        ("- {name: x, crossings: levl > 2 m}", "did you mean 'level'"),
        ("- {name: x, crossings: 2 m > 1 m}", "names no series"),
        ("- {name: x, crossings: level > 2 m, apart: 3}", "has no unit"),
        ("- {name: x, from: yesterday, to: 2022-01-01}", "expected a date"),
        ("- {name: x, crossings: level > 2 m, severity: bad}", "none of info, minor"),
        ("- {name: x, from: 2022-01-01, to: 2022-01-02, expect: all}", "nothing"),
        ("- {nam: x}", "did you mean 'name'"),
    ],
)
def test_a_slip_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(RuleError, match=r"events\.yaml:1:") as caught:
        entries(text)
    assert said in str(caught.value)


def test_events_of_rivers_that_came_with_us() -> None:
    assert [read_event.name for read_event in read_events("cance")] == [
        "above 40 m3/s",
        "above 100 m3/s",
    ]
    assert [read_event.nothing for read_event in read_events("garonne")] == [False, False, True]
    with pytest.raises(BacktestError, match="one of cance, garonne, poyo"):
        read_events("seine")
