"""The words in which a refused message's faults are told."""

import json

import pytest

from ingest.message import Arrival
from ingest.salvage import describe_type, salvage

TIME = "2022-01-11T06:15:00Z"


def details(values: dict[str, object], **fields: object) -> list[tuple[str, str]]:
    element = {"time": TIME, "values": values, **fields}
    arrival = Arrival(topic="t", payload=json.dumps(element).encode(), received_at=0)
    return [(refused.reason, refused.detail) for refused in salvage(arrival)[1]]


@pytest.mark.parametrize(("count", "more"), [(3, ""), (4, "; and 1 more"), (20, "; and 17 more")])
def test_three_quantities_are_named_and_the_others_counted(count: int, more: str) -> None:
    ((reason, detail),) = details({f"q{n}": "x" for n in range(count)})
    named = "; ".join(
        f"'q{n}' must be a number, null, true or false, got 'x'" for n in range(min(count, 3))
    )
    assert (reason, detail) == ("bad-value", named + more)


def test_each_reason_is_told_once() -> None:
    values = {"a": "x", "b": float("inf"), "c": [1], "d": float("-inf")}
    assert details(values) == [
        (
            "bad-value",
            (
                "'a' must be a number, null, true or false, got 'x'; 'c' must be a number, null,"
                " true or false, got [1.0]"
            ),
        ),
        (
            "not-finite",
            (
                "'b' is inf: not a finite number; send null where there is no value; 'd' is -inf:"
                " not a finite number; send null where there is no value"
            ),
        ),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x" * 58, repr("x" * 58)), ("x" * 59, "'" + "x" * 56 + "...")],
)
def test_a_long_value_is_cut_short(text: str, shown: str) -> None:
    ((_, detail),) = details({"a": text})
    assert detail.endswith(f"got {shown}")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ({}, "an object"),
        ([], "an array"),
        ("x", "a text"),
        (True, "true or false"),
        (1.5, "a number"),
    ],
)
def test_what_a_value_of_json_is(value: object, words: str) -> None:
    assert describe_type(value) == words


def test_what_is_good_is_kept_with_its_unit_and_status() -> None:
    element = {
        "time": TIME,
        "values": {"a": 1, "b": "x", "c": 2, "d": True, "e": None},
        "units": {"a": "m", "b": "m"},
        "status": {"c": "doubtful"},
    }
    payload = json.dumps([element, 5]).encode()
    (envelope,), refused = salvage(Arrival(topic="t", payload=payload, received_at=0))
    assert (envelope.values, envelope.units, envelope.status) == (
        {"a": 1.0, "c": 2.0, "d": True, "e": None},
        {"a": "m"},
        {"c": "doubtful"},
    )
    assert [(each.whole, each.part) for each in refused] == [
        (False, {"time": TIME, "values": {"b": "x"}, "units": {"b": "m"}}),
        (False, 5.0),
    ]
