"""What the demonstration says became of its readings."""

import pytest

from hypervisor.exercises.reading_account import Account
from hypervisor.exercises.story import format_account
from simulators._player import PlayResult

TALLY = PlayResult(
    publications=900,
    readings=1200,
    first=0,
    clock=0,
    acknowledged=900,
    reconnections=0,
    seconds=61.2,
)


@pytest.mark.parametrize(
    ("account", "lines"),
    [
        (None, ["1,200 readings of 7 devices published in 61 s."]),
        (
            Account(published=1200, stored=1200, already_there=0, dead_letters={}, lost=0),
            ["1,200 readings of 7 devices published, stored and evaluated in 61 s."],
        ),
        (
            Account(
                published=1200,
                stored=1150,
                already_there=5,
                dead_letters={"codec-error": 43},
                lost=2,
            ),
            [
                "1,200 readings of 7 devices published in 61 s.",
                (
                    "1,200 published = 1,150 stored + 5 already there"
                    " + 43 dead letters (43 codec-error) + 2 LOST."
                    " `hypervisor dead-letters list` says why."
                ),
            ],
        ),
    ],
)
def test_not_all_that_was_published_is_called_stored(
    account: Account | None, lines: list[str]
) -> None:
    assert list(format_account(TALLY, account, devices=7)) == lines
