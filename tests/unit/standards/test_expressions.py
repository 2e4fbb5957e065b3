"""What `$filter` says: trees of values, paths, calls and operations."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.standards.expressions import parse_filter
from hypervisor.standards.model import (
    Call,
    Geometry,
    Interval,
    Literal,
    Negation,
    Operation,
    Path,
    QueryError,
)

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def test_and_binds_closer_than_or_and_comparisons_closer_than_both() -> None:
    name, level = Path(("name",)), Path(("result",))
    assert parse_filter("name eq 'a' or result gt 3 and result lt 5") == Operation(
        "or",
        Operation("eq", name, Literal("a")),
        Operation(
            "and", Operation("gt", level, Literal(3.0)), Operation("lt", level, Literal(5.0))
        ),
    )


def test_parentheses_and_not_and_arithmetic() -> None:
    assert parse_filter("not (result add 2 mul 3 ge 9)") == Negation(
        Operation(
            "ge",
            Operation("add", Path(("result",)), Operation("mul", Literal(2.0), Literal(3.0))),
            Literal(9.0),
        )
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2024-01-01T00:00:00Z", NEW_YEAR),
        ("2024-01-01T01:00:00.0+01:00", NEW_YEAR),
        ("2024-01-01", NEW_YEAR),
        ("2024-01-01T00:00:00Z/2024-01-02T00:00:00Z",
         Interval(NEW_YEAR, NEW_YEAR + timedelta(days=1))),
        ("duration'PT1H30M'", timedelta(hours=1.5)),
        ("'l''Orge'", "l'Orge"),
        ("-1.5e-3", -0.0015),
        ("true", True),
        ("null", None),
        ("geography'POINT (2.3 48.6)'", Geometry("point", (((2.3, 48.6),),))),
        ("geography'SRID=4326;Polygon((0 0,1 0,1 1,0 0),(2 2, 3 2,3 3,2 2))'",
         Geometry("polygon", (((0, 0), (1, 0), (1, 1), (0, 0)), ((2, 2), (3, 2), (3, 3), (2, 2))))),
    ],
)  # fmt: skip
def test_literals(written: str, value: object) -> None:
    assert parse_filter(f"x eq {written}") == Operation("eq", Path(("x",)), Literal(value))  # type: ignore[arg-type]


def test_paths_and_calls() -> None:
    assert parse_filter("st_within(Thing/Locations/location, geography'POINT(1 2)')") == Call(
        "st_within",
        (Path(("Thing", "Locations", "location")), Literal(Geometry("point", (((1, 2),),)))),
    )
    assert parse_filter("@iot.id in ('a','b')") == Operation(
        "or",
        Operation("eq", Path(("@iot.id",)), Literal("a")),
        Operation("eq", Path(("@iot.id",)), Literal("b")),
    )


@pytest.mark.parametrize(
    "written",
    [
        "", "name eq", "name 'a'", "eq 'a'", "(name eq 'a'", "name eq 'a')", "name eq 'a",
        "name = 'a'", "name eq geography'CIRCLE(1)'", "name eq geography'POLYGON((1 2))'",
        "t gt 2024-13-01", "t gt 0001-01-01T00:00:00Z", "t gt duration'1 hour'", "a eq ;",
        "(" * 100 + "a" + ")" * 100, "a/'b' eq 1", "x" * 9000,
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_a_sentence(written: str) -> None:
    with pytest.raises(QueryError):
        parse_filter(written)
