"""What strangers make up fills no memory: whatever is remembered of them has a bound."""

import gc
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypervisor.citizens.front import read_request
from hypervisor.overview.search import LONGEST, fold
from hypervisor.standards.access import RequestRate
from hypervisor.web.documents import read_document
from ingest.breaker import Breaker
from ingest.check import TimeTolerance, check
from ingest.decode import decode
from ingest.layout import Layouts
from ingest.library import Library
from ingest.message import Arrival
from ingest.ports import Channel, Inventory
from ingest.route import Routes
from sensors._errors import Message, TerritoryError
from sensors._units import converter

ROOT = Path(__file__).parents[2]
PRODUCT = ("hypervisor", "ingest", "rules", "sensors", "simulators", "dashboards")
RECEIVED = 1_772_000_000_000_000  # µs
BELIEF = TimeTolerance(ahead=300_000_000, behind=10**15)
LONG = "x" * 20_000
TIMES = 1_500
MOST = 8 * 2**20  # bytes; all of it would be 30 MB

Feed = Callable[[int], object]  # the n-th thing that a stranger makes up


def device(*quantities: str) -> Callable[[dict[str, Any]], None]:
    """What takes the messages of a device that has these."""
    channels = {
        name: Channel(series=number, unit="m", low=None, high=None)
        for number, name in enumerate(quantities)
    }
    devices = {"gauge": channels}
    layouts, routes = Layouts(devices), Routes(Inventory(devices=devices), Library())

    def take(body: dict[str, Any]) -> None:
        payload = json.dumps({"time": "2026-02-20T00:00:00Z", **body}).encode()
        arrival = Arrival("devices/gauge/readings", payload, RECEIVED)
        check(decode([arrival], routes), layouts, BELIEF)

    return take


def units_of_readings() -> Feed:
    names = [f"level-{number}" for number in range(300)]
    take = device(*names)
    return lambda n: take({"values": {names[n % 300]: 1}, "units": {names[n % 300]: f"{n}{LONG}"}})


def fields_that_no_mapping_names() -> Feed:
    library = Library()
    return lambda n: library.tell_unmapped(f"device-{n % 40}", [f"{n}{LONG}"])


def topics() -> Feed:
    routes = Routes(Inventory(devices={}), Library())
    return lambda n: routes.add(f"gateways/{n}/{LONG}")


def units() -> Feed:
    def feed(n: int) -> None:
        with pytest.raises(TerritoryError):
            converter(f"{n}{LONG}", "m")

    return feed


def devices_of_a_script() -> Feed:
    breaker = Breaker(lambda: 0.0)
    return lambda n: breaker.spent(f"{n}", 0.0, in_vain=True)


def queries_of_citizens() -> Feed:
    scope: dict[str, Any] = {"path": "/public", "scheme": "http", "headers": []}
    return lambda n: read_request({**scope, "query_string": f"commune={n}{LONG}".encode()})


def languages_of_citizens() -> Feed:
    scope: dict[str, Any] = {"path": "/public", "scheme": "http", "query_string": b""}

    def feed(n: int) -> None:
        read_request({**scope, "headers": [(b"accept-language", f"{n}{LONG}".encode())]})

    return feed


def addresses_of_readers() -> Feed:
    rate = RequestRate(10)
    return lambda n: rate.spend(f"2001:db8::{n:x}")


def names_of_documents() -> Feed:
    return lambda n: read_document(f"{n}{LONG}", "fr")


def searches() -> Feed:
    return lambda n: fold(f"{n}{LONG}"[:LONGEST])


def templates() -> Feed:
    return lambda n: Message("{x} " + f"{n}", n)


FEEDS = (
    units_of_readings,
    fields_that_no_mapping_names,
    topics,
    units,
    devices_of_a_script,
    queries_of_citizens,
    languages_of_citizens,
    addresses_of_readers,
    names_of_documents,
    searches,
    templates,
)


@pytest.mark.parametrize("make", FEEDS, ids=lambda make: make.__name__)
def test_what_strangers_make_up_fills_no_memory(make: Callable[[], Feed]) -> None:
    feed = make()
    feed(TIMES)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(TIMES):
            feed(number)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MOST


ENDLESS = re.compile(
    r"@(?:functools\.)?(?:cache|lru_cache\(maxsize=None\))\n\s*(?:async )?def (\w+)\((?!\))"
)


def test_every_cache_with_arguments_has_a_bound() -> None:
    assert ENDLESS.findall("@functools.cache\ndef f(a): ...") == ["f"]
    files = (file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
    endless = {str(file): ENDLESS.findall(file.read_text()) for file in files}
    assert {file: names for file, names in endless.items() if names} == {}
