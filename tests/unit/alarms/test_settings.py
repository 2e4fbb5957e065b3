"""Settings as people write them, and what a mistake is told."""

import pytest

from hypervisor.alarms import settings as alarm_settings
from hypervisor.alarms.errors import AlarmError


def test_each_setting_comes_back_as_it_was_written() -> None:
    for name, written in alarm_settings.format_settings(alarm_settings.AlarmSettings()).items():
        assert (
            alarm_settings.from_stored({name: alarm_settings.parse_setting(name, written)})
            == alarm_settings.AlarmSettings()
        )
    assert (
        alarm_settings.format_settings(
            alarm_settings.from_stored(
                {"shelve_longest": alarm_settings.parse_setting("shelve_longest", "8 h")}
            )
        )["shelve_longest"]
        == "8 h"
    )


@pytest.mark.parametrize(
    ("name", "written", "why"),
    [
        ("shelve", "8 h", "there are shelve_longest"),
        ("shelve_longest", "8", "has no unit"),
        ("shelve_longest", "0 h", "expected a duration"),
        ("shelve_longest", "999999999999 d", "at most 366 d"),
        ("step_up_unacknowledges", "yes", "expected true or false"),
        ("chatter_count", "0", "1 or more"),
        ("chatter_count", "many", "1 or more"),
    ],
)
def test_a_mistake_is_told(name: str, written: str, why: str) -> None:
    with pytest.raises(AlarmError, match=why):
        alarm_settings.parse_setting(name, written)


NAMES = (
    "shelve_longest, step_up_unacknowledges, incident_quiet, chatter_count, chatter_window,"
    " standing_long"
)


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        (
            "shelve",
            "8 h",
            f"no setting is called 'shelve'; there are {NAMES}",
        ),
        (
            "chatter_window",
            "0 h",
            "chatter_window: '0 h'; expected a duration such as 8 h, at most 366 d",
        ),
        (
            "chatter_window",
            "367 d",
            "chatter_window: 367 d is too long; a duration lasts at most 366 d",
        ),
        (
            "step_up_unacknowledges",
            "True",
            "step_up_unacknowledges: 'True'; expected true or false",
        ),
        (
            "chatter_count",
            "1000001",
            "chatter_count: '1000001'; expected a whole number of alarms, 1 or more",
        ),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(name: str, written: str, told: str) -> None:
    with pytest.raises(AlarmError) as caught:
        alarm_settings.parse_setting(name, written)
    assert str(caught.value) == told


def test_what_is_read_is_kept_as_it_is_meant() -> None:
    assert alarm_settings.parse_setting("step_up_unacknowledges", "true") is True
    assert alarm_settings.parse_setting("step_up_unacknowledges", "false") is False
    assert (
        alarm_settings.parse_setting("chatter_count", "1"),
        alarm_settings.parse_setting("chatter_count", "1000000"),
    ) == (
        1,
        1_000_000,
    )
    assert alarm_settings.parse_setting("standing_long", "366 d") == 366 * 24 * 3_600_000_000
    assert alarm_settings.parse_setting("incident_quiet", "1 ms") == 1_000
    assert (
        alarm_settings.from_stored({"chatter_count": 7, "of an older version": 1}).chatter_count
        == 7
    )
