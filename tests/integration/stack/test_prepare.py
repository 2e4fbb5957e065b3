"""An instance's database before its parts start: its time zone, and the version it was left by."""

from pathlib import Path

import pytest

from hypervisor.base.instance import InstanceError, Mode
from hypervisor.database.connect import StoreError, connect
from hypervisor.exercises.plan import load_field
from hypervisor.exercises.playable import load_story
from hypervisor.stack.prepare import UpOptions, prepare

pytestmark = pytest.mark.integration


def options(timezone: str | None) -> UpOptions:
    return UpOptions(data=Path(), mode=Mode.EXERCISE, timezone=timezone)


def test_the_first_start_gives_the_time_zone(database_url: str) -> None:
    said: list[str] = []
    first = prepare(database_url, options("Indian/Reunion"), "island", said.append)
    again = prepare(database_url, options("Europe/Paris"), "island", said.append)
    assert (first.timezone, again) == ("Indian/Reunion", first)
    assert said == ["the instance keeps its time zone Indian/Reunion, given when it was created"]
    with connect(database_url) as connection:
        assert load_field(connection, load_story(Path(), "october-flood")).zone == "Indian/Reunion"


def test_an_old_version_leaves_a_newer_one_s_database_alone(database_url: str) -> None:
    prepare(database_url, options(None), "town", print)
    with connect(database_url) as connection:
        connection.execute("INSERT INTO migration (name) VALUES ('9999_later.sql')")
    with pytest.raises(StoreError, match=r"newer version .*9999_later\.sql.* restore the backup"):
        prepare(database_url, options(None), "town", print)


def test_without_one_it_is_that_of_paris(database_url: str) -> None:
    assert prepare(database_url, options(None), "town", print).timezone == "Europe/Paris"


def test_a_time_zone_that_there_is_not_is_refused(database_url: str) -> None:
    with pytest.raises(InstanceError, match="did you mean 'Indian/Reunion'"):
        prepare(database_url, options("Indian/Renion"), "island", print)
