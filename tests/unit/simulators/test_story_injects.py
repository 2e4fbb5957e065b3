"""Injects that a story brings: read as written, told with their line where they are wrong."""

import pytest

from simulators._scenarios import load_scenario, parse_scenario
from simulators._yaml import ScenarioError

HEAD = """name: mine
title: Mine
begins: 2024-10-08T00:00:00Z
hours: 24
injects:
"""


def test_they_are_read_as_written() -> None:
    story = parse_scenario(
        HEAD
        + "  - {kind: call, at: 1 d 2 h, title: A call, text: Hello, sender: A mayor}\n"
        + "  - {kind: reading, at: 3 h, title: x, where: orge, quantity: level, value: 2.5}\n"
        + "  - {kind: lost-sensor, at: 4 h, title: y, where: {any: flood, count: 2}, hours: 6}\n",
        "mine.yaml",
    )
    call, reading, lost = story.injects
    assert (call.kind, call.at, call.text, call.sender) == ("call", 26, "Hello", "A mayor")
    assert (reading.where.names, reading.quantity, reading.value) == (("orge",), "level", 2.5)
    assert (lost.where.any, lost.hours) == ("flood", 6)


@pytest.mark.parametrize(
    ("inject", "said"),
    [
        ("{kind: shout, at: 1 h, title: x}", "no inject is a 'shout'"),
        ("{kind: reading, at: 1 h, title: x, where: orge}", "needs its quantity and its value"),
        ("{kind: lost-sensor, at: 1 h, title: x}", "needs a where"),
        ("{kind: call, at: 1 h}", "title"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(inject: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as refused:
        parse_scenario(f"{HEAD}  - {inject}\n", "mine.yaml")
    assert "mine.yaml" in str(refused.value)
    assert ":6" in str(refused.value) or "line 6" in str(refused.value)


def test_those_that_come_with_us_are_in_both_languages() -> None:
    injects = load_scenario("october-flood").injects
    assert injects
    for one in injects:
        assert one.title_fr
        assert one.expected
        assert one.expected_fr
        assert bool(one.text) == bool(one.text_fr)
