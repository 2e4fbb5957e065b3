"""Settings as people write them, and what a mistake is told."""

import pytest

from hypervisor.alarms import dials
from hypervisor.alarms.errors import AlarmError


def test_each_setting_comes_back_as_it_was_written() -> None:
    for name, written in dials.shown(dials.Dials()).items():
        assert dials.of({name: dials.read(name, written)}) == dials.Dials()
    assert (
        dials.shown(dials.of({"shelve_longest": dials.read("shelve_longest", "8 h")}))[
            "shelve_longest"
        ]
        == "8 h"
    )


@pytest.mark.parametrize(
    ("name", "written", "why"),
    [
        ("shelve", "8 h", "there are shelve_longest"),
        ("shelve_longest", "8", "has no unit"),
        ("shelve_longest", "0 h", "expected a length of time"),
        ("shelve_longest", "999999999999 d", "at most 366 d"),
        ("step_up_unacknowledges", "yes", "expected true or false"),
        ("chatter_count", "0", "1 or more"),
        ("chatter_count", "many", "1 or more"),
    ],
)
def test_a_mistake_is_told(name: str, written: str, why: str) -> None:
    with pytest.raises(AlarmError, match=why):
        dials.read(name, written)
