"""Forecasts of official services, and the folder into which files of others are laid."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypervisor.base.settings import Settings
from hypervisor.feeds import forecast_files, official_forecasts
from hypervisor.feeds.model import FeedError, FeedState, Page
from hypervisor.feeds.poll import PollContext
from hypervisor.feeds.recordings import Recordings
from ingest.message import Reason
from tests.unit.feeds.asking import NOW, in_turn, make_context
from tests.unit.feeds.hostile import answering, body
from tests.unit.forecast.test_experts import TENDENCIES

PRODUCED = "2026-08-25T12:00:00+00:00"
NONE = body(b'{"message": "no forecast"}')


def _listed(*codes: str, at: str = PRODUCED) -> bytes:
    return json.dumps(
        {"ListEntVigiCru": [{"CdEntVigiCru": code, "DtProdSimul": at} for code in codes]}
    ).encode()


def _simulation(*values: float | None) -> bytes:
    points = [
        {"DtPrev": f"2026-08-25T1{n + 3}:00:00+00:00", "ResMoyPrev": value, "ResMaxPrev": value}
        for n, value in enumerate(values)
    ]
    return json.dumps({"Simul": {"DtProdSimul": PRODUCED, "Prevs": points}}).encode()


def _poll(address: str, **cursor: Any) -> list[Page]:
    context = make_context(official_forecasts.FEED, address, "O1", "O2", cursor=cursor)
    return list(official_forecasts.poll(context))


def test_what_is_new_of_our_gauges_is_asked_for_once() -> None:
    answers = in_turn(body(_listed("O1", "X9")), body(_simulation(1.5, None)), NONE)
    with answering(answers) as address:
        pages = _poll(address)
    (file,) = [file for page in pages for file in page.forecasts]
    (forecast,) = file.forecasts
    assert (file.issuer, forecast.code, forecast.grandeur) == ("Vigicrues", "O1", "H")
    assert list(forecast.levels) == [0.1, 0.5, 0.9]
    assert forecast.values == [[None, 1.5, 1.5]]
    cursor = pages[-1].cursor
    assert cursor == {"produced": {"O1/H": "2026-08-25T12:00:00Z"}}
    with answering(in_turn(body(_listed("O1")), NONE)) as address:
        assert not [file for page in _poll(address, **cursor) for file in page.forecasts]
    with answering(in_turn(NONE)) as address:
        assert _poll(address, **cursor)[-1].cursor == {"produced": {}}


@pytest.mark.parametrize(
    "content", [b"[]", b'"x"', b"{}", b'{"ListEntVigiCru": {}}', b'{"error_msg": "non"}']
)
def test_a_list_of_another_shape_is_a_sentence(content: bytes) -> None:
    with answering(body(content)) as address, pytest.raises(FeedError) as caught:
        _poll(address)
    assert caught.value.reason is Reason.WRONG_SHAPE


@pytest.mark.parametrize("content", [b"[]", b'{"error_msg": "non"}', b'{"Simul": {}}'])
def test_a_forecast_of_another_shape_is_a_sentence(content: bytes) -> None:
    answers = in_turn(body(_listed("O1")), body(content))
    with answering(answers) as address, pytest.raises(FeedError) as caught:
        _poll(address)
    assert caught.value.reason is Reason.WRONG_SHAPE


def test_what_is_shipped_is_read() -> None:
    recorded = Recordings(clock=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    for code, simulation in recorded.document("forecasts-")["H"].items():
        content = {"Simul": simulation}
        forecast, unusable = official_forecasts.read_forecast(content, b"", code, "H")
        assert forecast.issued == datetime(2026, 11, 28, 6, tzinfo=UTC)
        assert forecast.times[-1] == forecast.issued + timedelta(hours=36)
        assert not unusable


def _watch(folder: Path) -> PollContext:
    return PollContext(
        feed=forecast_files.FEED,
        settings=Settings(forecast_folder=str(folder)),
        state=FeedState(name="forecast-files"),
        now=NOW,
    )


def _lay(file: Path, text: str, *, seconds: float = 60) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, (NOW.timestamp() - seconds,) * 2)


def test_files_are_read_when_they_are_complete_and_put_aside(tmp_path: Path) -> None:
    _lay(tmp_path / "a.prv", TENDENCIES)
    _lay(tmp_path / "Consultant" / "a.prv", TENDENCIES)
    _lay(tmp_path / "bad.prv", "nothing")
    _lay(tmp_path / "new.prv", TENDENCIES, seconds=1)
    pages = list(forecast_files.poll(_watch(tmp_path)))
    assert [f.issuer for page in pages for f in page.forecasts] == ["EXPRESSO", "Consultant"]
    (unusable,) = [part for page in pages for part in page.unusable]
    assert unusable.part == {"bad.prv": "nothing"}
    assert "bad.prv" in str(unusable.detail)
    assert "1 files lie in" in pages[-1].warning
    assert (tmp_path / "new.prv").is_file()
    assert sorted(file.name for file in (tmp_path / "stored").iterdir()) == ["a-2.prv", "a.prv"]
    (tmp_path / "refused" / "bad.prv").unlink()
    assert not list(forecast_files.poll(_watch(tmp_path)))[-1].warning


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="gone"):
        list(forecast_files.poll(_watch(tmp_path / "gone")))
    assert forecast_files.needs_folder(_watch(Path())) == ""
