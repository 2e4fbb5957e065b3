"""Parameters of OGC API Features: what chooses, and what is refused."""

import pytest

from hypervisor.standards.features import MOST, parse_query
from hypervisor.standards.model import QueryError
from hypervisor.standards.queries_features import COLLECTIONS

SITES, ALARMS = COLLECTIONS["sites"], COLLECTIONS["alarms"]


def test_pages_are_bounded() -> None:
    assert parse_query(SITES, [("limit", "1000000")]).limit == MOST


def test_each_filter_is_a_condition() -> None:
    pairs = [("bbox", "2,48,3,49"), ("datetime", "2024-01-01T00:00:00Z/.."), ("severity", "major")]
    assert len(parse_query(ALARMS, pairs).conditions) == 3
    assert parse_query(ALARMS, [("bbox", "2,48,0,3,49,100")]).conditions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "-1"), ("limit", "x"), ("bbox", "2,48,3"), ("bbox", "a,b,c,d"),
        ("bbox", "2,49,3,48"), ("bbox", "nan,0,1,1"), ("datetime", "yesterday"),
        ("datetime", "2024-02-01T00:00:00Z/2024-01-01T00:00:00Z"), ("colour", "red"),
        ("river_order", "first"), ("illustrative", "maybe"), ("f", "html"), ("geometry", "1"),
        ("bbox-crs", "EPSG:2154"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(name: str, value: str) -> None:
    with pytest.raises(QueryError):
        parse_query(SITES, [(name, value)])
