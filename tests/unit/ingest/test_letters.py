"""Dead letters: one a message and reason, with the bytes at fault and what is wrong with them."""

import json

import pytest

from ingest.letters import make_dead_letters, make_storable
from ingest.message import Arrival, Reason, Refused
from sensors._errors import Message

FIRST = Arrival("devices/a/readings", b'{"first": 1}', 11, again=True)
SECOND = Arrival("devices/b/readings", b'{"second": 1}', 12)


def refused(
    arrival: Arrival, reason: Reason, detail: str = "why", *, part: object = None
) -> Refused:
    return Refused(
        arrival=arrival, reason=reason, detail=Message(detail), whole=part is None, part=part
    )


def test_one_letter_a_message_and_reason_in_the_order_they_came() -> None:
    made = make_dead_letters(
        [
            refused(FIRST, Reason.NO_TIME, "a", part={"n": 1}),
            refused(SECOND, Reason.NO_TIME, "b"),
            refused(FIRST, Reason.BAD_VALUE, "c", part={"n": 2}),
            refused(FIRST, Reason.NO_TIME, "d", part={"n": 3}),
            refused(FIRST, Reason.NO_TIME, "e", part={"n": 4}),
        ],
        largest=100,
    )
    assert [(m.topic[8], m.reason, m.detail, m.received_at, m.again) for m in made] == [
        ("a", "no-time", "a; and 2 more objects of this message", 11, True),
        ("b", "no-time", "b", 12, False),
        ("a", "bad-value", "c", 11, True),
    ]
    assert json.loads(made[0].payload) == [{"n": 1}, {"n": 3}, {"n": 4}]
    assert made[1].payload == SECOND.payload
    assert json.loads(made[2].payload) == {"n": 2}


def test_two_that_are_alike_are_two() -> None:
    alike = [Arrival("t", b"", 1), Arrival("t", b"", 1)]
    assert len(make_dead_letters([refused(each, Reason.EMPTY) for each in alike], largest=100)) == 2


def test_where_one_part_is_the_whole_all_bytes_are_kept() -> None:
    both = [refused(FIRST, Reason.NO_TIME, part={"n": 1}), refused(FIRST, Reason.NO_TIME)]
    assert make_dead_letters(both, largest=100)[0].payload == FIRST.payload


@pytest.mark.parametrize(
    ("size", "kept"), [(99_999, 99_999), (100_000, 100_000), (100_001, 65_536)]
)
def test_of_what_is_too_large_the_beginning_is_kept(size: int, kept: int) -> None:
    payload = bytes(range(256)) * 400
    sent = Arrival("t", payload[:size], 1)
    for part in (None, {"n": 1}) if size > 100_000 else (None,):
        (made,) = make_dead_letters([refused(sent, Reason.TOO_LARGE, part=part)], largest=100_000)
        assert made.payload == payload[:kept]


def test_a_detail_is_bounded_and_keeps_its_count() -> None:
    many = [refused(FIRST, Reason.NO_TIME, "x" * 600, part=n) for n in range(3)]
    assert make_dead_letters(many[:1], largest=9)[0].detail == "x" * 500
    detail = make_dead_letters(many, largest=9)[0].detail
    assert detail == "x" * 440 + "; and 2 more objects of this message"


def test_what_a_database_does_not_take_is_written_out() -> None:
    assert make_storable("a\x00b\ud800é") == "a\\x00b\\ud800é"
    odd = Arrival("devices/\x00\ud800/readings", b"", 1)
    (made,) = make_dead_letters([refused(odd, Reason.EMPTY, "\x00" * 300)], largest=9)
    assert made.topic == "devices/\\x00\\ud800/readings"
    assert made.detail == ("\\x00" * 300)[:500]
