"""Météo-France's observations: units, what is asked when, what is missing, what is none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from hypervisor.feeds import meteofrance, observations
from hypervisor.feeds.model import FeedError, Page
from hypervisor.feeds.observations import AN_HOUR, SIX_MINUTES
from hypervisor.feeds.poll import Device, PollContext
from hypervisor.feeds.recorded import make_server
from hypervisor.feeds.recordings import SHIPPED, Recordings
from ingest.message import Reason
from tests.unit.feeds.asking import NOW, make_context
from tests.unit.feeds.hostile import answering, body

STATION = Device(name="s", code="91990001", quantities=frozenset(observations.QUANTITIES))
ROW = {"geo_id_insee": "91990001", "validity_time": "2026-08-25T14:54:00Z", "t": 281.15}


def _read(*rows: object) -> tuple[Page, list[datetime]]:
    return observations.read_answer(list(rows), b"", STATION, SIX_MINUTES)


def test_values_keep_the_units_of_the_service_and_what_is_missing_is_left_out() -> None:
    row = {**ROW, "u": 96, "pres": 99120, "rr_per": 0.4, "rr1": 3.1, "ff": None, "insolh": 3}
    page, times = _read(row)
    (observation,) = page.observations
    assert observation.values == {
        "air_temperature": 281.15,
        "humidity": 96,
        "pressure": 99120,
        "rain": 0.4,
    }
    assert observation.units["air_temperature"] == "K"
    assert (observation.units["pressure"], observation.units["rain"]) == ("Pa", "mm")
    assert times == [NOW - timedelta(minutes=6)]
    hourly, _times = observations.read_answer([row], b"", STATION, AN_HOUR)
    assert hourly.observations[0].values["rain"] == 3.1


def test_of_another_station_or_without_a_time_nothing_is_taken() -> None:
    page, times = _read({**ROW, "geo_id_insee": "75114001"}, {**ROW, "validity_time": None}, 5)
    assert (page.observations, times) == ([], [])
    assert [part.reason for part in page.unusable] == [Reason.WRONG_SHAPE] * 2
    page, _times = _read({**ROW, "geo_id_insee": 91990001})
    assert page.observations


@pytest.mark.parametrize("content", [{}, "x", 5, {"error": "quota"}])
def test_another_shape_is_a_sentence(content: Any) -> None:
    with answering(body(json.dumps(content).encode())) as address:
        context = replace(make_context(observations.FEED, address), devices=(STATION,))
        with pytest.raises(FeedError) as caught:
            list(observations.make_poll(SIX_MINUTES)(context))
    assert caught.value.reason is Reason.WRONG_SHAPE


@contextmanager
def _recorded(now: datetime) -> Iterator[str]:
    server = make_server(Recordings(folder=SHIPPED, clock=lambda: now))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def _poll(now: datetime, cursor: dict[str, Any], *devices: Device) -> list[Page]:
    with _recorded(now) as address:
        base = make_context(observations.FEED, address, cursor=cursor)
        context: PollContext = replace(base, now=now, devices=devices or (STATION,))
        return list(observations.make_poll(SIX_MINUTES)(context))


def _times(pages: list[Page]) -> list[datetime]:
    return [each.time for page in pages for each in page.observations]


def test_the_newest_comes_first_and_what_is_missing_in_the_next_polls() -> None:
    pages = _poll(NOW, {})
    times = _times(pages)
    assert times[0] == NOW - timedelta(minutes=6)
    assert times == sorted(times, reverse=True)
    assert len(times) == 60
    cursor = dict(pages[-1].cursor or {})
    again = _poll(NOW + timedelta(minutes=6), cursor)
    assert _times(again)[0] == NOW
    while any(cursor["missing"].values()):
        pages = _poll(NOW + timedelta(minutes=6), cursor)
        times += _times(pages)
        cursor = dict(pages[-1].cursor or {})
    assert len(set(times)) == 239  # of a day: the oldest is too old by now
    last = cursor
    outage = _poll(NOW + timedelta(minutes=36), last)
    assert len(_times(outage)) == 5
    assert not _times(_poll(NOW + timedelta(minutes=36), dict(outage[-1].cursor or {})))[1:]


def test_both_lists_share_the_rate_of_their_service(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("hypervisor.feeds.poll.pause", lambda seconds, _: pauses.append(seconds))
    monkeypatch.setattr("hypervisor.feeds.poll._ASKED_AT", {})
    with answering(body(b"[]")) as address:
        for feed in (observations.FEED, observations.HOURLY, meteofrance.FEED):
            context = make_context(feed, address)
            replace(context, feed=replace(feed, spacing_s=1000)).ask("station")
    assert len(pauses) == 1, "before the first request of the second list, and of no other service"
    assert 900 < pauses[0] <= 1000


def test_a_station_that_says_nothing_is_named() -> None:
    unknown = Device(name="u", code="99999999", quantities=STATION.quantities)
    pages = _poll(NOW, {}, unknown)
    assert "99999999" in pages[-1].warning
    assert not _poll(NOW, {}, STATION)[-1].warning
