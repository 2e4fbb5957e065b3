"""Options of a request, within `$expand` too, and resource paths."""

import pytest

from hypervisor.standards.model import Path, QueryError
from hypervisor.standards.options import (
    MOST,
    USUAL,
    Options,
    Ordering,
    Segment,
    parse_options,
    parse_path,
)


def test_options_within_expand() -> None:
    text = (
        "Datastreams($select=name;$expand=Observations($top=1;$orderby=phenomenonTime desc,id)),"
        "Locations"
    )
    options = parse_options([("$expand", text), ("$top", "5")])
    assert options.top == 5
    assert set(options.expand) == {"Datastreams", "Locations"}
    datastreams = options.expand["Datastreams"]
    assert datastreams.select == ("name",)
    assert datastreams.expand["Observations"] == Options(
        top=1,
        order=(
            Ordering(path=Path(("phenomenonTime",)), descending=True),
            Ordering(path=Path(("id",))),
        ),
    )


def test_a_path_in_expand_is_nested_and_two_of_them_are_joined() -> None:
    options = parse_options([("$expand", "Things/Datastreams($top=2),Things/Locations")])
    things = options.expand["Things"]
    assert things.expand == {"Datastreams": Options(top=2), "Locations": Options()}
    assert things.pairs == (("$expand", "Datastreams($top=2),Locations"),)


def test_parentheses_and_separators_in_quotes_are_text() -> None:
    options = parse_options([("$expand", "Datastreams($filter=name eq 'a),;b')")])
    assert options.expand["Datastreams"].filter is not None


def test_pages_are_bounded() -> None:
    assert parse_options([]).limit == USUAL
    assert parse_options([("$top", "0")]).limit == 0
    assert parse_options([("$top", "999999")]).limit == MOST


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("$top", "-1"), ("$top", "many"), ("$top", "9" * 30), ("$count", "yes"),
        ("$orderby", "name up"), ("$orderby", ""), ("$expand", "Datastreams("),
        ("$expand", "Datastreams)x("), ("$expand", "Datastreams($top=1"), ("$format", "json"),
        ("$expand", "Things($expand=" * 8 + ")" * 8), ("$resultFormat", "csv"), ("top", "1"),
    ],
)  # fmt: skip
def test_options_that_are_not_understood_are_refused(name: str, text: str) -> None:
    with pytest.raises(QueryError):
        parse_options([(name, text)])


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(QueryError, match="twice"):
        parse_options([("$top", "1"), ("$top", "2")])


def test_paths_name_entities_by_their_keys() -> None:
    assert parse_path("Things('l''Orge')/Datastreams('a:level')/Observations/$count") == [
        Segment("Things", "l'Orge"),
        Segment("Datastreams", "a:level"),
        Segment("Observations"),
        Segment("$count"),
    ]
    assert parse_path("Things(12)") == [Segment("Things", "12")]


@pytest.mark.parametrize(
    "path", ["Things(", "Things('a)", "Things('a'b)", "1", "Things//Locations"]
)
def test_paths_that_make_no_sense_are_refused(path: str) -> None:
    with pytest.raises(QueryError):
        parse_path(path)
