"""Answers that no service should give: each is a sentence, none a crash."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisor.feeds import bulletins, fetch, hubeau, observations, official_forecasts, roads
from hypervisor.feeds.fetch import Request
from hypervisor.feeds.model import Feed, FeedError, Page
from hypervisor.feeds.poll import PollContext
from ingest.message import Reason
from tests.unit.feeds.asking import in_turn, make_context
from tests.unit.feeds.hostile import (
    HEAD,
    Behaviour,
    answering,
    body,
    bomb,
    dripping,
    endless,
    packed,
    raw,
    redirect,
    silence,
)

PAGE = b"<!DOCTYPE html><html><head><title>502  Bad\nGateway</title></head></html>"
ROWS = b'{"count": 1, "next": null, "data": []}'
LARGEST = 100_000
COLOURS = (Path(__file__).parent / "answers" / "vigicrues-InfoVigiCru.geojson").read_bytes()
LISTED = (
    b'{"ListEntVigiCru": [{"CdEntVigiCru": "NO50", "DtProdSimul": "2026-08-25T12:00:00+00:00"}]}'
)

# What comes, a part of the sentence, and the reason of the dead letter if there is one.
ANSWERS: Mapping[str, tuple[Behaviour, str, Reason | None]] = {
    "a web page with 200": (body(PAGE), "a web page (502 Bad Gateway)", Reason.NOT_JSON),
    "a web page called JSON": (body(b"\n\n <p>maintenance"), "a web page", Reason.NOT_JSON),
    "XML": (body(b'<?xml version="1.0"?><error/>'), "a web page", Reason.NOT_JSON),
    "plain text": (body(b"Service unavailable"), "not JSON", Reason.NOT_JSON),
    "cut JSON": (body(ROWS[:-9]), "is cut off", Reason.NOT_JSON),
    "JSON and more": (body(ROWS + b"}"), "not JSON", Reason.NOT_JSON),
    "two documents": (body(ROWS + ROWS), "not JSON", Reason.NOT_JSON),
    "one quote": (body(b"{'data': []}"), "not JSON", Reason.NOT_JSON),
    "not a number": (body(b'{"data": [NaN]}'), "not JSON", Reason.NOT_JSON),
    "infinity": (body(b'{"data": [Infinity]}'), "not JSON", Reason.NOT_JSON),
    "a number too large": (body(b'{"data": [1e999]}'), "not JSON", Reason.NOT_JSON),
    "control characters": (body(b'{"data": ["\x00"]}'), "not JSON", Reason.NOT_JSON),
    "half a surrogate pair": (body(rb'{"data": ["\ud800"]}'), "not JSON", Reason.NOT_JSON),
    "deeply nested": (body(b"[" * 50_000), "nested too deeply", Reason.TOO_DEEP),
    "nothing": (body(b""), "empty", Reason.EMPTY),
    "blanks": (body(b" \r\n\t"), "empty", Reason.EMPTY),
    "only a mark of order": (body(b"\xef\xbb\xbf"), "empty", Reason.EMPTY),
    "null": (body(b"null"), "null", Reason.WRONG_SHAPE),
    "Latin-1 called UTF-8": (
        body('{"a": "qualité"}'.encode("latin-1"), kind=b"application/json; charset=utf-8"),
        "not UTF-8",
        Reason.NOT_UTF8,
    ),
    "UTF-16": (body('{"a": 1}'.encode("utf-16")), "not UTF-8", Reason.NOT_UTF8),
    "a charset that is none": (
        body(b'{"a": "\xe9"}', kind=b"application/json; charset=klingon"),
        "not UTF-8",
        Reason.NOT_UTF8,
    ),
    "bytes of a picture": (body(b"\x89PNG\r\n\x1a\n\xff\xfe"), "not UTF-8", Reason.NOT_UTF8),
    "gigantic": (body(b"1" * (LARGEST + 1)), "more than", Reason.TOO_LARGE),
    "without an end": (endless, "more than", Reason.TOO_LARGE),
    "a packed bomb": (bomb(4_000_000), "more than", Reason.TOO_LARGE),
    "said to be packed, and is not": (packed(ROWS), "cannot be unpacked", None),
    "packed in another way": (packed(ROWS, b"br"), "packed with 'br'", None),
    "packed twice": (
        packed(gzip.compress(gzip.compress(ROWS)), b"gzip, gzip"),
        "packed with",
        None,
    ),
    "gzip cut off": (packed(gzip.compress(ROWS)[:-9]), "gzip is cut off", None),
    "a hundred thousand gzips": (packed(gzip.compress(b"") * 4_500), "empty", Reason.EMPTY),
    "half a pair, escaped": (body(rb'{"a": "\udc00"}'), "not JSON", Reason.NOT_JSON),
    "a redirect to another port": (redirect("http://HOST:9/x"), "redirects to http://127", None),
    "a redirect with a name": (redirect("http://a:b@HOST/x"), "redirects to", None),
    "not there, in words": (
        body(b'{"message": "recorded here: 91"}', status=b"404 Not Found"),
        "(404): recorded here: 91",
        None,
    ),
    "silence": (silence(), "within 0.3 s", None),
    "a dripping head": (dripping(b"HTTP/1.1 200 OK\r\nX: "), "within 0.3 s", None),
    "a dripping body": (dripping(HEAD + b"Content-Length: 900\r\n\r\n"), "within 0.3 s", None),
    "cut before its length": (
        raw(HEAD + b"Content-Length: 900\r\n\r\n{"),
        "cannot be reached",
        None,
    ),
    "a length that is none": (raw(HEAD + b"Content-Length: many\r\n\r\n{}"), "cannot be", None),
    "chunks that are none": (
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"),
        "cannot be reached",
        None,
    ),
    "not HTTP": (raw(b"220 mail.example ESMTP\r\n"), "cannot be reached", None),
    "hung up at once": (raw(b""), "cannot be reached", None),
    "an endless head": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), "cannot be", None),
    "a redirect to itself": (redirect("/"), "redirects more than 3 times", None),
    "a redirect elsewhere": (redirect("http://other.example/"), "redirects to http://other", None),
    "a redirect to a file": (redirect("file:///etc/passwd"), "redirects to", None),
    "a redirect nowhere": (redirect(""), "redirects more than", None),
    "a redirect that is no address": (redirect("http://[::1"), "cannot be reached", None),
    "a redirect down": (redirect("ftp://HOST/"), "redirects to", None),
    "bad request": (body(ROWS, status=b"400 Bad Request"), "answers 400", None),
    "no key": (body(ROWS, status=b"401 Unauthorized"), "is the key right", None),
    "refused": (body(ROWS, status=b"403 Forbidden"), "is the key right", None),
    "not there": (body(PAGE, status=b"404 Not Found"), "nothing at this address", None),
    "gone": (body(PAGE, status=b"410 Gone"), "nothing at this address", None),
    "too often": (body(ROWS, status=b"429 Too Many Requests"), "too often", None),
    "broken": (body(PAGE, status=b"500 Internal Server Error"), "answers 500", None),
    "away": (body(PAGE, status=b"503 Service Unavailable"), "answers 503", None),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "answers 204", None),
    "unchanged, unasked": (raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "answers 304", None),
    "a status that is none": (body(ROWS, status=b"999 Wonderful"), "answers 999", None),
}

# JSON that is none of Hub'Eau's: what is wrong with the whole answer.
SHAPES: tuple[object, ...] = (
    [],
    "text",
    5,
    {},
    {"data": None},
    {"data": {}},
    {"rows": []},
    {"data": [], "next": 5},
)


def test_there_are_fifty_kinds() -> None:
    assert len(ANSWERS) + len(SHAPES) >= 50


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_none_is_a_sentence(kind: str) -> None:
    behaviour, words, reason = ANSWERS[kind]
    seconds = 0.3 if "within" in words else 30.0
    with answering(behaviour) as address, pytest.raises(FeedError) as caught:
        fetch.fetch(Request(address=address, largest=LARGEST, seconds=seconds))
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.reason == reason


@pytest.mark.parametrize("content", SHAPES)
def test_another_shape_is_a_sentence(content: object) -> None:
    with pytest.raises(FeedError, match="another shape") as caught:
        hubeau.read_listing(content, json.dumps(content).encode())
    assert caught.value.reason is Reason.WRONG_SHAPE


def test_nobody_listens() -> None:
    with answering(silence(0)) as address:
        pass
    with pytest.raises(FeedError, match="cannot be reached"):
        fetch.fetch(Request(address=address))


@pytest.mark.parametrize(
    "header", ["7200000", "-5", "soon", "Wed, 01 Jan 3000 00:00:00 GMT", "nan"]
)
def test_what_a_service_asks_us_to_wait_is_bounded(header: str) -> None:
    say = b"HTTP/1.1 503 Away\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % header.encode()
    with answering(raw(say)) as address, pytest.raises(FeedError) as caught:
        fetch.fetch(Request(address=address))
    wait = caught.value.wait_s
    assert wait is None or 0 <= wait <= 3600


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"\xef\xbb\xbf" + ROWS, b"application/json", json.loads(ROWS)),
        ('{"a": "é"}'.encode("latin-1"), b"application/json; charset=ISO-8859-1", {"a": "é"}),
        ('{"a": "é"}'.encode(), b"application/json; charset=ISO-8859-1", {"a": "é"}),
        (ROWS, b"text/html", json.loads(ROWS)),
    ],
)
def test_what_is_merely_odd_is_read(content: bytes, kind: bytes, expected: object) -> None:
    with answering(body(content, kind=kind)) as address:
        assert fetch.fetch(Request(address=address)).content == expected


# What a poller is answered first, before the hostile answer comes.
Poll = Callable[[PollContext], Iterator[Page]]
POLLERS: Mapping[str, tuple[Feed, Poll, tuple[Behaviour, ...]]] = {
    "bulletins": (bulletins.FEED, bulletins.poll, (body(COLOURS),)),
    "forecasts": (official_forecasts.FEED, official_forecasts.poll, ()),
    "roads": (roads.FEED, roads.poll, ()),
    "observations": (observations.FEED, observations.make_poll(observations.SIX_MINUTES), ()),
    "a forecast": (official_forecasts.FEED, official_forecasts.poll, (body(LISTED),)),
}


@pytest.mark.parametrize(
    "kinds", [slice(2, None, 6), pytest.param(slice(None), marks=pytest.mark.long)]
)
@pytest.mark.parametrize("name", POLLERS)
def test_every_poller_ends_a_hostile_answer_in_a_sentence(name: str, kinds: slice) -> None:
    feed, poll, before = POLLERS[name]
    for kind in list(ANSWERS)[kinds]:
        behaviour, words, reason = ANSWERS[kind]
        seconds = 0.4 if "within" in words else 30.0
        with answering(in_turn(*before, behaviour)) as address:
            small = replace(feed, largest=LARGEST)
            context = make_context(small, address, "NO50", seconds=seconds)
            with pytest.raises(FeedError) as caught:
                list(poll(context))
        if feed.form == "json":
            assert caught.value.reason == reason, kind
        assert (caught.value.reason is None) == (reason is None), kind
        assert len(str(caught.value)) < 400, kind


LISTED_TWO = json.dumps(
    {
        "ListEntVigiCru": [
            {"CdEntVigiCru": code, "DtProdSimul": "2026-08-25T12:00:00Z"} for code in ("A1", "B2")
        ]
    }
).encode()
FORECAST = (
    b'{"Simul": {"DtProdSimul": "2026-08-25T12:00:00Z",'
    b' "Prevs": [{"DtPrev": "2026-08-25T18:00:00Z", "ResMoyPrev": 1.0}]}}'
)
BULLETIN = (
    b'{"InfoVigiCru": {"DtHrInfoVigiCru": "2026-08-25T12:00:00Z", "QualifInfoVigiCru": "Crue."}}'
)
OBSERVATION = (
    b'[{"validity_time": "2026-08-25T14:54:00Z", "geo_id_insee": "B2"},'
    b' {"validity_time": "0001-01-01T00:00:00+14:00", "geo_id_insee": "B2"}]'
).replace(b"B2", b"000000B2")
# Two parts of each: what is answered before the first, then what the second says.
PARTS: Mapping[str, tuple[tuple[str, str], tuple[Behaviour, ...], tuple[Behaviour, ...]]] = {
    "bulletins": (("CO1", "NO50"), (body(COLOURS),), (body(BULLETIN),)),
    "forecasts": (("A1", "B2"), (body(LISTED_TWO),), (body(FORECAST), body(b'{"message": ""}'))),
    "observations": (("000000A1", "000000B2"), (), (body(OBSERVATION), body(b"[]"))),
}
FEW = ("broken", "a web page with 200", "cut JSON", "a hundred thousand gzips", "hung up at once")


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("kind", FEW)
def test_a_part_without_a_usable_answer_hides_no_other(name: str, kind: str) -> None:
    """The first gauge, reach or station that was answered badly ended the poll, each time."""
    codes, before, after = PARTS[name]
    feed, poll, _ = POLLERS[name]
    pages: list[Page] = []

    def read_all(address: str) -> None:
        for page in poll(make_context(feed, address, *codes)):
            pages.append(page)  # noqa: PERF402  those before the error count

    with (
        answering(in_turn(*before, ANSWERS[kind][0], *after)) as address,
        pytest.raises(FeedError, match=re.escape(ANSWERS[kind][1])),
    ):
        read_all(address)
    read = [page for page in pages if page.bulletins or page.forecasts]
    last = pages[-1].cursor or {}
    assert read or last["last"] == {"000000B2": "2026-08-25T14:54:00Z"}


def test_a_service_that_answers_nothing_is_not_asked_for_each_part() -> None:
    codes = [f"{number:08}" for number in range(50)]
    asked: list[str] = []

    def refuse(say: Callable[[bytes], None], host: str) -> None:
        asked.append(host)
        body(b"{}", status=b"500 Internal Server Error")(say, host)

    feed, poll, _ = POLLERS["observations"]
    with answering(refuse) as address, pytest.raises(FeedError, match="answers 500"):
        list(poll(make_context(feed, address, *codes)))
    assert len(asked) == 3


@pytest.mark.parametrize("etag", ["\u00e9", "x" * 5_000, "a\x85b", "\xff\xfe"])
def test_an_etag_that_cannot_be_sent_back_is_not_kept(etag: str) -> None:
    """Each poll after it failed before it was sent."""
    head = HEAD + b"ETag: " + etag.encode("latin-1") + b"\r\nContent-Length: 2\r\n\r\n{}"
    with answering(raw(head)) as address:
        answer = fetch.fetch(Request(address=address))
        again = fetch.fetch(Request(address=address, validators=answer.validators))
    assert again.content == {}
