"""The models of a site: as facts, what their rules read, and from when on a change counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from hypervisor.alarms.log import Pair
from hypervisor.backtest.registries import registry_around
from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import columns, differences, rule_histories
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Device, Registry, Revision, Series, Site
from rules._forecast import model_to_json
from rules._inputs import InputSeries
from rules._pack import load_pack
from rules._written_forecast import WrittenModel
from sensors._domain import catalogue
from sensors._errors import Place
from sensors._row import NEVER, ROW

DAY = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
MILL = InputSeries(site="mill", quantity="level")
PACK = """
- id: flood-soon
  title: "{site}: soon"
  when: chance(level > threshold.attention, 1 h) > 0.5
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: flood-high
  title: "{site}: high"
  when: level > threshold.attention
  severity: minor
  steps: [{severity: major, when: "forecast(level, 1 h) > threshold.alert"}]
  advice: look
  wrong when: never
  tests: []
"""


def model(span: str = "2 h", *, of: str = "level@mill") -> dict[str, Any]:
    terms = {HOUR: {f"change({of}, {span})": 1.0}}
    written = WrittenModel(series="level", terms=terms, spread=0.2)
    return model_to_json(written.model("town", Place(file="f", line=1, column=1)))


def revision(kind: str, key: str, value: Any, hours: float = -48) -> Revision:
    return Revision(
        kind=kind,
        key=key,
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def registry(*models: Revision) -> Registry:
    """Three gauges; the rules watch all."""
    rules = load_pack(PACK, file="f", domain="flood").rules
    facts = [revision("rule", rule.id, rule.to_json()) for rule in rules]
    sites = ("mill", "town", "far")
    facts += [
        revision("threshold", f"{site}/attention", {"value": 3.0, "unit": "m"}) for site in sites
    ]
    return Registry(
        areas={},
        sites={s: Site(name=s, title=s, domain="flood", id=n) for n, s in enumerate(sites, 1)},
        devices={s: Device(name=s, site=s, commissioned=DAY) for s in sites},
        series={
            (s, "level"): Series(device=s, quantity="level", id=n) for n, s in enumerate(sites, 1)
        },
        revisions=tuple(sorted([*facts, *models], key=lambda r: (r.kind, r.key, r.effective))),
    )


def arranged(*models: Revision) -> Territory:
    schedule = PowerSchedule(retention=400 * 24 * HOUR)
    return arrange(registry(*models), catalogue(), schedule)


def at(hours: float) -> int:
    return micros(DAY + timedelta(hours=hours))


SOON: Pair = ("flood-soon", "town")
FIRST = revision("forecast", "town/level", model(), 2)


def test_a_rule_that_needs_a_forecast_is_where_a_model_ever_was() -> None:
    assert not any(rule == "flood-soon" for rule, _ in arranged().revisions)
    territory = arranged(FIRST)
    assert [key for rule, key in territory.revisions if rule == "flood-soon"] == ["town"]
    assert territory.rules["flood-soon"].begins(territory.subjects["town"]) == at(2)
    assert len([key for rule, key in territory.revisions if rule == "flood-high"]) == 3
    assert territory.rules["flood-high"].begins(territory.subjects["town"]) == NEVER
    gone = arranged(FIRST, revision("forecast", "town/level", None, 5))
    assert SOON in gone.revisions
    assert not arranged(revision("forecast", "town/level", None, 5)).listens.keys() & {SOON}
    (rule,) = territory.rules["flood-soon"].rules
    assert rule_histories.lacks(rule, territory.subjects["far"]) == "no forecast of level: no model"


def test_it_reads_the_series_of_the_other_sites_as_far_back_as_the_models_do() -> None:
    territory = arranged(FIRST)
    level = arranged().listens["flood-high", "town"][2]
    assert territory.listens[SOON] == {2: level + 3 * HOUR, 1: level + 3 * HOUR}
    assert territory.listens["flood-high", "town"] == territory.listens[SOON]
    assert territory.listens["flood-high", "mill"].keys() == {1}
    farther = arranged(FIRST, revision("forecast", "town/level", model("5 h"), 4))
    assert farther.listens[SOON][1] == level + 6 * HOUR


def test_a_subject_has_the_columns_of_its_models() -> None:
    facts = arranged(FIRST).subjects["town"]
    tails = {number: SeriesTail(keep=HOUR) for number in (1, 2)}
    rows = np.zeros(1, dtype=ROW)
    rows["time"], rows["value"] = at(3), 2.5
    tails[1].fill(rows, complete_from=BEGINNING)
    query = ColumnQuery(subject=facts, since={1: at(0), 2: at(0)})
    subject = columns.load_subjects(None, tails, [query])["town"]  # type: ignore[arg-type]
    forecasts = subject.forecasts["level"]
    assert forecasts.revisions[0][0] == at(2)
    assert forecasts.inputs[MILL].value.tolist() == [2.5]
    without = ColumnQuery(subject=facts, since={2: at(0)})
    subject = columns.load_subjects(None, tails, [without])["town"]  # type: ignore[arg-type]
    assert subject.forecasts["level"].inputs == {}


def difference(*models: tuple[Revision, ...]) -> tuple[int, str] | None:
    before, after = (
        differences.of_subject(build_subjects(registry(*some), catalogue())["town"])
        for some in models
    )
    found = differences.between_subjects(before, after)
    return None if found is None else (found.since, found.what)


def test_a_new_model_counts_from_its_effective_time_on() -> None:
    other = revision("forecast", "town/level", model("3 h"), 6)
    gone = revision("forecast", "town/level", None, 7)
    assert difference((), (FIRST,)) == (at(2), "forecast of level")
    assert difference((FIRST,), (FIRST, other)) == (at(6), "forecast of level")
    assert difference((FIRST, gone), (FIRST, other, gone)) == (at(6), "forecast of level")
    assert difference((FIRST, other), (FIRST, other, gone)) == (at(7), "forecast of level")
    assert difference((FIRST, other), (FIRST, other)) is None
    elsewhere = revision("forecast", "town/level", model(of="level@nowhere"), 2)
    assert difference((FIRST,), (elsewhere,)) == (BEGINNING, "forecast of level")


def test_a_model_that_cannot_be_read_stops_the_rules_that_need_it_and_no_other() -> None:
    strange = revision("forecast", "town/level", {"version": 99}, 6)
    territory = arranged(FIRST, strange)
    assert str(territory.failed[SOON]).startswith("the forecast of level: a forecast's model of ")
    assert SOON not in territory.revisions
    assert ("flood-high", "town") in territory.revisions
    assert territory.subjects["town"].forecasts["level"].models[1] == (at(6), None)
    again = revision("forecast", "town/level", model(), 8)
    assert arranged(FIRST, strange, again).failed == {}


def test_a_backtest_of_a_site_has_the_sites_that_its_models_read() -> None:
    complete = registry(FIRST, revision("forecast", "far/level", model(), 2))
    near = registry_around(complete, ["town"])
    assert set(near.sites) == {"mill", "town"}
    assert [r.key for r in near.revisions if r.kind == "forecast"] == ["town/level"]
    subject = build_subjects(near, catalogue())["town"]
    assert subject == build_subjects(complete, catalogue())["town"]
