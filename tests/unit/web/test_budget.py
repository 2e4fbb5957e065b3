"""Every route says what it costs: by its parameters, which bound it, or by a budget."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, UploadFile
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request

from hypervisor.app.application import create_app
from hypervisor.base.settings import Settings
from hypervisor.web.budget import (
    LINKED_TRIAL,
    ROWS,
    ROWS_OF_SPAN,
    SPAN,
    TRIAL,
    Budget,
    find_budget,
)
from hypervisor.web.paging import Page
from sensors._domain import catalogue

LONG = 20_000  # items of a list
CHOOSING = {"limit", "from", "to", "since", "until", "span", "also"}  # how much is read
COMPUTED = {"texts", "pack", "content"}  # languages; other texts are stored as they are
# As a route reads them, too: 10,000 rows, and 1970 or this month.
NUMBERS = (
    "%2B10000",
    "1_0_000",
    "10000.0",
    "%20" + "10000",
    "000000000010000",
    "%EF%BC%91" + "0000",
    "many",
    "0010000%0A",
)
TIMES = (
    "0",
    "%201500000000",
    "1.5e9",
    "20241102",
    "2024-W01-1",
    "now",
    "-62135596800",
    "2024-1-1T00:00Z",
)
# Why a route of such a parameter costs the same at any value.
CONSTANT = {
    "GET /api/v1/events": "a stream, bounded by its own shares and by the events that are kept",
    "GET /admin/audit": "a page of a fixed number of lines",
    "GET /load": "a day or a week",
    "GET /log": "seven days at most, and a fixed number of lines",
    "POST /alarms/acts": "acts on alarms that a page showed",
    "POST /teams": "a few areas",
    "POST /admin/sign-in/factors": "a few roles",
    "POST /account/tokens": "a few scopes",
    "POST /admin/tokens": "a few scopes",
    "POST /admin/accounts": "administrators; a few roles",
    "POST /admin/accounts/{name}": "administrators; a few roles",
}
# They read their request themselves: no parameter says what they cost.
READS_ITSELF = (
    "GET /features/collections/{name}/items",
    "GET /sensorthings/v1.1/{path:path}",
    "POST /rules/{rule}",
    "POST /rules/{rule}/draft",
    "POST /rules/{rule}/trial",
    "POST /api/v1/publications/{number}/drafts",
    "POST /publications/{number}/drafts",
    "GET /api/v1/thresholds/{owner:path}/proposal",
    "POST /api/v1/interlocks/trial",
    "POST /api/v1/field/orders/{number}/photos",
    "POST /admin/sign-in",
    "POST /admin/sources",
)


def list_routes() -> list[tuple[str, APIRoute, Any]]:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1/none")
    app = create_app(settings, catalogue(), lambda: datetime.now(UTC))
    return [
        (f"{','.join(sorted(each.methods or ()))} {each.path}", each.original_route, each.endpoint)
        for each in iter_route_contexts(app.routes)
        if isinstance(each.original_route, APIRoute)
    ]


def flatten(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from flatten(each)


def list_choices(route: APIRoute) -> set[str]:
    """The parameters by which a caller chooses what a request costs."""
    chosen: set[str] = set()
    for dependant in flatten(route.dependant):
        names = {param.alias for param in dependant.query_params}
        for param in dependant.query_params:
            kind = param.field_info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                names |= {field.alias or name for name, field in kind.model_fields.items()}
        chosen |= names & CHOOSING
        for param in dependant.body_params:
            annotation = param.field_info.annotation
            schema = {} if "UploadFile" in repr(annotation) else describe(param.field_info)
            known = schema.get("$defs", {}).values()
            named = set().union(*(each.get("properties", {}) for each in (schema, *known)))
            if not schema or is_unbounded(schema) or (named | {param.alias}) & COMPUTED:
                chosen.add(param.alias)
    return chosen


def describe(field: Any) -> dict[str, Any]:
    return TypeAdapter(Annotated[field.annotation, field]).json_schema()


def is_unbounded(schema: Any) -> bool:
    """Whether what fits a schema may be a long list."""
    if isinstance(schema, list):
        return any(map(is_unbounded, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "array" and schema.get("maxItems", LONG) >= LONG:
        return True
    return any(map(is_unbounded, schema.values()))


ROUTES = {name: (route, endpoint) for name, route, endpoint in list_routes()}


def test_a_route_of_chosen_cost_declares_its_budget() -> None:
    lacking = {
        name: list_choices(route)
        for name, (route, endpoint) in ROUTES.items()
        if list_choices(route) and find_budget(endpoint) is None and name not in CONSTANT
    }
    assert not lacking, "declare a budget (hypervisor/web/budget.py), or say why it costs the same"


def test_what_reads_its_request_itself_declares_its_budget() -> None:
    for name in READS_ITSELF:
        assert find_budget(ROUTES[name][1]) is not None, name


def test_no_reason_is_left_behind() -> None:
    for name in CONSTANT:
        route, endpoint = ROUTES[name]
        assert list_choices(route), name
        assert find_budget(endpoint) is None, name


def test_a_new_route_without_a_budget_is_noticed() -> None:
    router = APIRouter()

    @router.get("/rows")
    def list_rows(page: Page) -> int:
        return page.limit

    @router.post("/files")
    def read_file(file: UploadFile) -> str:
        return file.filename or ""

    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    assert [bool(list_choices(route)) for route in routes] == [True, True]


@pytest.mark.parametrize(
    ("budget", "query", "small"),
    [
        (ROWS, "", True),
        (ROWS, "limit=1000", True),
        (ROWS, "limit=1001", False),
        (ROWS, "limit=" + "9" * 400, False),
        *((ROWS, f"limit={limit}", False) for limit in NUMBERS),
        *((SPAN, f"from={since}&to={until}", False) for since, until in product(TIMES, TIMES)),
        *((SPAN, f"from={since}", False) for since in TIMES),
        (SPAN, "from=2024-01-01&to=2024-01-31T00:00:00%2B02:00", True),
        (SPAN, "from=&to=", True),
        (SPAN, "incident=7", False),  # which may have lasted for a year
        (ROWS_OF_SPAN, "format=csv", False),
        (ROWS_OF_SPAN, "format=json", True),
        (SPAN, "from=2024-01-01T00:00:00Z&to=2024-01-31T00:00:00Z", True),
        (SPAN, "from=2024-01-01T00:00:00Z&to=2024-03-31T00:00:00Z", False),
        (SPAN, "from=2024-01-01", False),
        (SPAN, "span=1y", False),
        (SPAN, "from=0001-01-01T00:00:00%2B23:00&to=9999-12-31", False),
        (ROWS_OF_SPAN, "limit=9&from=2024-01-01T00:00:00Z", False),
        (LINKED_TRIAL, "span=7d", True),
        (LINKED_TRIAL, "site=", False),
        (TRIAL, "", False),
    ],
)
def test_what_a_small_request_is(budget: Budget, query: str, small: bool) -> None:  # noqa: FBT001
    assert budget.is_small(ask(query)) is small


@pytest.mark.parametrize("accept", ["text/csv", "TEXT/CSV;q=1, */*;q=0.5", "text/*"])
def test_all_of_a_listing_as_csv_is_not_small(accept: str) -> None:
    assert not ROWS_OF_SPAN.is_small(ask("", accept))
    assert ROWS_OF_SPAN.is_small(ask("", "text/html,application/xhtml+xml,*/*;q=0.8"))


def ask(query: str, accept: str = "*/*") -> Request:
    return Request(
        {"type": "http", "query_string": query.encode(), "headers": [(b"accept", accept.encode())]}
    )
