"""Days and times as fields of a page say them, in the instance's zone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from hypervisor.app.application import create_app
from hypervisor.base.settings import Settings
from hypervisor.web.times import parse, parse_day, parse_local
from sensors._domain import catalogue

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-10-17T08:30", datetime(2024, 10, 17, 6, 30, tzinfo=UTC)),
        ("2024-12-17T08:30", datetime(2024, 12, 17, 7, 30, tzinfo=UTC)),
        ("2024-10-17T08:30Z", datetime(2024, 10, 17, 8, 30, tzinfo=UTC)),
        ("1800-01-01T00:00Z", datetime(1800, 1, 1, tzinfo=UTC)),
        ("2199-12-31T23:59Z", datetime(2199, 12, 31, 23, 59, tzinfo=UTC)),
        ("1799-12-31T23:59Z", None),
        ("2200-01-01T00:00Z", None),
        ("", None),
        ("at noon", None),
    ],
)
def test_a_time(text: str, at: datetime | None) -> None:
    assert parse_local(text, PARIS) == at


@pytest.mark.parametrize(
    ("text", "after", "at"),
    [
        ("2024-03-31", 0, datetime(2024, 3, 30, 23, tzinfo=UTC)),
        ("2024-03-31", 1, datetime(2024, 3, 31, 22, tzinfo=UTC)),  # of 23 hours
        ("2024-03-31T15:20", 0, datetime(2024, 3, 30, 23, tzinfo=UTC)),
        ("2199-12-31", 1, datetime(2199, 12, 31, 23, tzinfo=UTC)),
        ("2200-01-01", 0, None),
        ("9999-12-31", 1, None),
        ("", 1, None),
        ("yesterday", 0, None),
    ],
)
def test_a_day(text: str, after: int, at: datetime | None) -> None:
    assert parse_day(text, PARIS, after=after) == at


def list_fields(dependant: Dependant) -> Iterator[tuple[str, FieldInfo]]:
    """Of what a request says in its address, its headers and its body."""
    for each in (*dependant.query_params, *dependant.header_params, *dependant.body_params):
        yield from list_parts(each.name, each.field_info, set())
    for below in dependant.dependencies:
        yield from list_fields(below)


def list_parts(name: str, field: FieldInfo, seen: set[Any]) -> Iterator[tuple[str, FieldInfo]]:
    """A field, and those of the models in it."""
    yield name, field
    for model in list_models(field.annotation):
        if model not in seen:
            seen.add(model)
            for below, part in model.model_fields.items():
                yield from list_parts(f"{model.__name__}.{below}", part, seen)


def list_models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from list_models(part)


def is_time(kind: Any) -> bool:
    return kind in {datetime, AwareDatetime} or any(map(is_time, get_args(kind)))


def accepts(field: FieldInfo, text: str) -> bool:
    kind: Any = field.annotation
    if field.metadata:
        kind = Annotated[(kind, *field.metadata)]
    try:
        TypeAdapter[Any](kind).validate_python(text)
    except ValidationError:
        return False
    return True


def test_every_time_of_a_request_is_one_that_a_database_and_a_clock_hold() -> None:
    """In UTC or in a zone they would lie before year 1, or after 9999; or nobody knows where."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1/none")
    app = create_app(settings, catalogue(), lambda: datetime.now(UTC))
    times = {
        f"{context.path}: {name}": field
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for name, field in list_fields(context.original_route.dependant)
        if is_time(field.annotation)
    }
    assert len(times) > 40
    for text in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2024-01-02T12:00"):
        assert [name for name, field in times.items() if accepts(field, text)] == [], (
            "take hypervisor.web.times.Instant"
        )


@pytest.mark.parametrize(
    "text", ["", "now", "2024-10-10T06:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00+12:00"]
)
def test_an_instant_that_we_did_not_write_is_none(text: str) -> None:
    assert parse(text) is None
    assert parse("2024-10-10T06:00+02:00") == datetime(2024, 10, 10, 4, tzinfo=UTC)
