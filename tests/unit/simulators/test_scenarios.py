"""Scenario files: all of ours load and name what exists; a slip in one is shown where it is."""

import pytest

from rules._pack import packs
from simulators import _scenarios as scenarios
from simulators._faults import KINDS
from simulators._selection import select_names
from simulators._simulator import find_simulators
from simulators._story import Where
from simulators._yaml import Reader, ScenarioError, parse_hours
from tests.unit.simulators.small import field

ALL = sorted(scenarios.scenario_files())
each_scenario = pytest.mark.parametrize("name", ALL)


def test_those_that_must_be_there_are() -> None:
    assert set(ALL) >= {
        "cabinet-outage",
        "frost-night",
        "october-flood",
        "quiet-week",
        "traffic-incident",
    }


@each_scenario
def test_a_scenario_is_told_whole(name: str) -> None:
    story = scenarios.load_scenario(name)
    assert story.name == name
    assert story.title
    assert story.title_fr
    assert story.description
    events = {kind for simulator in find_simulators().values() for kind in simulator.events}
    assert {event.kind for event in story.events} <= events
    assert {fault.kind for fault in story.faults} <= set(KINDS)
    for fault in story.faults:
        assert set(fault.parameters) <= KINDS[fault.kind]
    spans = [(each.at, each.until) for each in (*story.events, *story.faults)]
    for start, end in (*spans, *((each.at, each.until) for each in story.truth)):
        assert 0 <= start < end <= story.hours


@each_scenario
def test_a_truth_names_rules_that_exist(name: str) -> None:
    rules = {rule.id: rule for pack in packs() for rule in pack.rules}
    story = scenarios.load_scenario(name)
    assert story.truth or name == "quiet"
    for truth in story.truth:
        assert truth.what_fr or name == "quiet"
        assert set(truth.alarms) <= set(rules)
        if story.quiet:
            assert {rules[alarm].category for alarm in truth.alarms} <= {"maintenance"}


HEAD = """\
name: mine
title: Mine
begins: 2024-10-08T00:00:00Z
hours: 2 d
"""


def test_a_file_of_one_s_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("mine") / "mine.yaml"
    file.write_text(HEAD + "events:\n  - {kind: door, where: cab-1, from: 1 h 30 min, to: 3}\n")
    story = scenarios.load_scenario(str(file))
    assert story.hours == 48
    (event,) = story.events
    assert (event.at, event.until, event.where.names) == (1.5, 3, ("cab-1",))
    with pytest.raises(ScenarioError, match=r"cannot be read: .*No such file"):
        scenarios.load_scenario(str(file.with_name("yours.yaml")))
    with pytest.raises(ScenarioError, match="no scenario 'october-flod'; did you mean"):
        scenarios.load_scenario("october-flod")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "mine.yaml:1:1: the file is empty"),
        ("name: [", "mine.yaml:1:8: this is not YAML"),
        ("name: a\n", "mine.yaml:1:1: a scenario needs 'title'"),
        (
            HEAD + "wether: {}\n",
            r"mine.yaml:5:1: a scenario has no 'wether'; did you mean 'weather'",
        ),
        (HEAD + "hours: 3\n", "mine.yaml:5:1: 'hours' appears twice"),
        (HEAD.replace("2 d", "soon"), "mine.yaml:4:8: `hours`: 'soon' is not a time"),
        (HEAD.replace("T00:00:00Z", ""), "mine.yaml:3:9: .*expected an instant such as"),
        (
            HEAD + "weather:\n  storms:\n    - {at: 1, hours: 2, total: 3, lon: 2, lat: 48}\n",
            "mine.yaml:7:7: `storms` needs 'spread'",
        ),
        (
            HEAD + "weather: {cloud: 3}\n",
            "mine.yaml:5:18: `cloud`: expected a share from 0 to 1",
        ),
        (
            HEAD + "faults:\n  - {kind: dropout, from: 1, to: 2}\n",
            "mine.yaml:6:5: .*mean 'drop-out'",
        ),
        (
            HEAD + "faults:\n  - {kind: stuck, from: 2, to: 1}\n",
            "mine.yaml:6:5: .*ends before it begins",
        ),
        (
            HEAD + "events:\n  - {kind: door, from: 1}\n",
            "mine.yaml:6:5: `events` needs 'to'",
        ),
        (
            HEAD + "events: {}\n",
            "mine.yaml:5:9: expected `events`, a list; found a mapping",
        ),
        (
            HEAD + "events:\n  - {kind: door, from: 1, to: 2, where: {near: [2.1]}}\n",
            r"mine.yaml:6:48: .*expected \[lon, lat\]",
        ),
    ],
)
def test_a_slip_is_shown_where_it_is(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=f"^{says}"):
        scenarios.parse_scenario(text, "mine.yaml")


@pytest.mark.parametrize(
    ("word", "hours"),
    [
        ("30", 30),
        ("30 h", 30),
        ("90min", 1.5),
        ("1 d 6 h", 30),
        ("-2 h", -2),
        ("x", None),
        ("", None),
    ],
)
def test_times_in_words(word: str, hours: float | None) -> None:
    assert parse_hours(word) == hours


def test_a_parameter_is_what_its_author_wrote() -> None:
    reader = Reader("x.yaml")
    node = reader.compose("{a: 07, b: 010, c: on, d: '12:30', e: 12:30, f: 1e3, g: 2024-01-01}")
    assert reader.value(node) == {
        "a": 7,
        "b": 10,
        "c": "on",
        "d": "12:30",
        "e": "12:30",
        "f": 1000.0,
        "g": "2024-01-01",
    }


def test_who_is_chosen() -> None:
    small = field()
    near = Where(any="loop-station", near=(2.2, 48.65))
    assert select_names(near, small, 1) == ("loop-station-0",)
    assert select_names(Where(any="loop-station", near=(5.0, 45.0)), small, 1) == ()
    assert select_names(Where(any="cabinet"), small, 1) == ("lamps",)
    assert select_names(Where(any="school"), small, 1) == ("school",)
    assert len(select_names(Where(any="mobility", share=1.0), small, 1)) == 8
    both = select_names(Where(any="lamp-node", count=2), small, 1)
    assert both[0] == select_names(Where(any="lamp-node"), small, 1)[0]
    assert select_names(Where(any="nothing"), small, 1) == ()
