"""A link to a trial holds its draft, within bounds."""

import zlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from random import Random
from string import ascii_letters

import pytest

from hypervisor.base.errors import RulebookError
from hypervisor.rulebook.views_share import make_link, pack_text, unpack_text
from hypervisor.rulebook.views_trial import SpanChoice

SPAN = SpanChoice(
    key="year",
    label="12 months",
    since=datetime(2023, 1, 1, tzinfo=UTC),
    until=datetime(2024, 1, 1, tzinfo=UTC),
)


def test_a_text_comes_back() -> None:
    assert unpack_text(pack_text("title: « crue » à l'École\n")) == "title: « crue » à l'École\n"


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "é",
        "abc",
        pack_text("when: level > 1 m")[:-4],
        urlsafe_b64encode(zlib.compress(b"a" * 5_000_000)).decode(),
        urlsafe_b64encode(zlib.compress(b"\xff\xfe")).decode(),
    ],
)
def test_what_is_no_text_or_too_long_is_refused(packed: str) -> None:
    with pytest.raises(RulebookError):
        unpack_text(packed)


def test_a_link_has_the_period_and_is_not_too_long() -> None:
    link = make_link("/rules/new", SPAN, site="orge", domain="")
    assert link == (
        "/rules/new?site=orge&span=2023-01-01T00%3A00%3A00%2B00%3A00%2F2024-01-01T00%3A00%3A00%2B00%3A00"
    )
    noise = "".join(Random(1).choices(ascii_letters, k=60_000))
    assert make_link("/rules/new", SPAN, draft=noise) == ""
