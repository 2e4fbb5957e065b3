"""Hostile messages of every form: stored or refused, each accounted for, nothing false as good."""

import math
from datetime import UTC, datetime

import pytest

from ingest.library import Library
from ingest.route import Routes
from sensors._quality import Quality
from tests.unit.ingest.field import RECEIVED, known, say
from tests.unit.ingest.hostile import Message, forms, good, measures_nothing, stream

AT = datetime.fromtimestamp(RECEIVED / 1e6, UTC).replace(microsecond=0)
ROUTES = Routes(known(), Library())
LARGEST_LETTER = 4 * 1_048_576


def account(message: Message) -> None:
    """Each message ends as readings, as letters of one reason each, or as the contract has it."""
    said = say((message.topic, message.payload), routes=ROUTES)
    told = f"{message.topic} {message.payload[:600]!r} -> {said.values} {said.letters}"[:2_000]
    assert said.values or said.letters or measures_nothing(message), told
    assert len(set(said.reasons)) == len(said.reasons), told
    assert "not-storable" not in said.reasons, told
    for letter in said.letters:
        assert len(letter.payload) <= LARGEST_LETTER, told
        assert "\x00" not in letter.detail + letter.topic, told
        assert len(letter.detail) <= 500, told
    if message.nothing:
        assert not said.values, told
    for device, values in said.values.items():
        for quantity, value in values.items():
            assert not math.isinf(value), told
            suspect = said.flags.get((device, quantity), 0) & Quality.SUSPECT
            assert suspect or not math.isnan(value), told
            if not suspect:
                truth = message.truth.get((device, quantity))
                assert truth is not None, told
                assert math.isnan(truth) or value == pytest.approx(truth), told


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 3_000), *(pytest.param(seed, 20_000, marks=pytest.mark.long) for seed in (2, 3, 4))],
)
def test_hostile_messages(seed: int, count: int) -> None:
    for message in stream(seed, count, at=AT):
        account(message)


def test_every_form_is_good_without_a_slip() -> None:
    for form in forms(AT):
        message = good(form)
        said = say((message.topic, message.payload), routes=ROUTES)
        for (device, quantity), value in form.truth.items():
            assert said.values[device][quantity] == pytest.approx(value)
            assert (device, quantity) not in said.flags
        assert not said.letters


def test_a_batch_of_all_forms_gives_what_its_messages_give() -> None:
    messages = [(each.topic, each.payload) for each in stream(9, 300, at=AT)]
    together = say(*messages, routes=ROUTES)
    alone = [say(message, routes=ROUTES) for message in messages]
    assert sorted(together.reasons) == sorted(reason for each in alone for reason in each.reasons)
    for device in known().devices:
        times = sorted(time for each in alone for time in each.times.get(device, ()))
        assert sorted(together.times.get(device, ())) == times
