"""Vigicrues' bulletins, in both forms that the service has had."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hypervisor.feeds import bulletins
from hypervisor.feeds.bulletins import Area, read_bulletins, read_text
from hypervisor.feeds.model import Bulletin, FeedError, Page
from hypervisor.feeds.recordings import SHIPPED, Recordings
from ingest.message import Reason
from tests.unit.feeds.asking import in_turn, make_context
from tests.unit.feeds.hostile import answering, body

ANSWERS = Path(__file__).parent / "answers"
COLOURS = (ANSWERS / "vigicrues-InfoVigiCru.geojson").read_bytes()
AREA = Area(kind="8", code="NO50", title="Eure moyenne et aval", covers=("NO50",))
MISSING = body(b"{}", status=b"404 Not Found")


def _info(**given: Any) -> dict[str, Any]:
    info = {"DtHrInfoVigiCru": "2026-08-25T15:55:59+0200", "SituActuInfoVigiCru": "Calme.", **given}
    return {"vic:InfoVigiCru": {f"vic:{name}": value for name, value in info.items()}}


def _answer(**given: Any) -> bytes:
    return json.dumps(_info(**given)).encode()


def _poll(address: str, **cursor: Any) -> list[Page]:
    return list(bulletins.poll(make_context(bulletins.FEED, address, "NO50", cursor=cursor)))


def _read(content: Any) -> Bulletin | None:
    read, _unusable = read_bulletins(content, b"", AREA)
    return next(iter(read), None)


def test_a_bulletin_is_its_texts_in_the_order_to_read_with_source_and_time() -> None:
    bulletin = _read(
        _info(
            ConsInfoVigiCru="Restez chez vous.",
            FaitNouvInfoVigiCru="L&#039;Eure monte.<br/>Elle <b>déborde</b>.",
            NivInfoVigiCru="3",
            RefInfoVigiCru="25082026_16",
            DtHrSuivInfoVigiCru="2026-08-26T10:00:00+02:00",
            aEteProduitePar={"vic:LbIntervenant": "SPC Seine aval"},
        )
    )
    assert bulletin is not None
    assert bulletin.issued == datetime(2026, 8, 25, 13, 55, 59, tzinfo=UTC)
    assert bulletin.next_at == datetime(2026, 8, 26, 8, tzinfo=UTC)
    assert (bulletin.colour, bulletin.reference) == (3, "25082026_16")
    assert (bulletin.title, bulletin.producer) == ("Eure moyenne et aval", "SPC Seine aval")
    assert bulletin.texts == (
        ("news", "L'Eure monte.\nElle déborde."),
        ("situation", "Calme."),
        ("advice", "Restez chez vous."),
    )


def test_the_plain_form_without_prefixes_and_in_a_list_says_the_same() -> None:
    plain = json.loads(
        json.dumps({"InfoVigiCru": [_info()["vic:InfoVigiCru"]]}).replace("vic:", "")
    )
    assert _read(plain) == _read(_info())


@pytest.mark.parametrize(
    "given", [{"StInfoVigiCru": "1"}, {"StInfoVigiCru": 2}, {"SituActuInfoVigiCru": " <p></p> "}]
)
def test_what_is_being_written_or_says_nothing_is_no_bulletin(given: dict[str, Any]) -> None:
    assert _read(_info(**given)) is None


def test_a_colour_that_is_none_hides_no_text() -> None:
    read, unusable = read_bulletins(_info(NivInfoVigiCru=7), b"", AREA)
    assert [bulletin.colour for bulletin in read] == [None]
    assert [part.reason for part in unusable] == [Reason.BAD_VALUE]


def test_a_text_is_bounded_and_no_markup() -> None:
    assert read_text("<script>alert(1)</script> a &lt; b\x00") == "alert(1) a < b"
    assert len(read_text("é" * 100_000)) < 20_100
    assert read_text({"a": 1}) == ""


@pytest.mark.parametrize(
    "content", [[], "x", {}, {"vic:InfoVigiCru": {}}, {"vic:InfoVigiCru": []}, {"error_msg": "non"}]
)
def test_another_shape_is_a_sentence(content: Any) -> None:
    with pytest.raises(FeedError) as caught:
        read_bulletins(content, b"", AREA)
    assert caught.value.reason is Reason.WRONG_SHAPE


def test_texts_are_asked_for_when_the_colours_are_new_and_then_not_for_an_hour() -> None:
    with answering(in_turn(body(COLOURS), body(_answer()))) as address:
        *pages, last = _poll(address)
    assert [b.area for page in pages for b in page.bulletins] == ["4", "NO50"]
    assert [b.covers for page in pages for b in page.bulletins] == [("NO50",), ("NO50",)]
    assert last.cursor is not None
    with answering(in_turn(body(COLOURS), MISSING)) as address:
        (page,) = _poll(address, **last.cursor)
    assert page.cursor is None
    asked = {**last.cursor, "asked": "2026-08-25T13:59:00Z"}
    with answering(in_turn(body(COLOURS), body(_answer()))) as address:
        assert len(_poll(address, **asked)) == 3


def test_the_other_form_is_tried_and_a_reach_without_a_text_hides_no_other() -> None:
    with answering(in_turn(body(COLOURS), MISSING, body(_answer()), MISSING)) as address:
        *pages, last = _poll(address)
    assert [b.area for page in pages for b in page.bulletins] == ["4"]
    assert (last.cursor or {})["form"] == "InfoVigiCru.json"
    with answering(in_turn(body(COLOURS), MISSING)) as address, pytest.raises(FeedError) as caught:
        _poll(address)
    assert caught.value.is_missing


def test_what_is_shipped_is_read() -> None:
    recorded = Recordings(clock=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    for code, content in recorded.document("bulletins-").items():
        area = Area(kind="8", code=code, title="", covers=(code,))
        (bulletin,), unusable = read_bulletins(content, b"", area)
        assert bulletin.texts
        assert not unusable
        assert bulletin.issued == datetime(2026, 11, 28, 5, tzinfo=UTC)
    assert SHIPPED.is_dir()
