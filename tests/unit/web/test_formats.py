"""How values look in French and in English."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hypervisor.base.reader import Reader, reading
from hypervisor.charts.words import code_word
from hypervisor.web import filters
from sensors._domain import catalogue

NOW = datetime(2024, 10, 10, 4, 2, tzinfo=UTC)


@pytest.fixture(params=["fr", "en"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with reading(Reader(language=request.param, zone=ZoneInfo("Europe/Paris"), now=NOW)):
        yield request.param


def plain(said: str) -> str:
    return said.replace("\N{NO-BREAK SPACE}", " ")


def of(language: str, french: str, english: str) -> str:
    return french if language == "fr" else english


def test_numbers(language: str) -> None:
    assert plain(filters.value(2.314, "m")) == of(language, "2,31 m", "2.31 m")
    assert plain(filters.number(12345)) == of(language, "12 345", "12,345")
    assert filters.number(None) == filters.NOTHING
    assert filters.number(float("nan")) == filters.NOTHING
    assert filters.number(float("inf")) == filters.NOTHING
    for huge in (1e15, -1e30, 1e300):
        assert "e" in filters.value(huge, "m")


def test_signs(language: str) -> None:
    minus = filters.MINUS
    assert plain(filters.signed(0.12, "m")) == of(language, "+0,12 m", "+0.12 m")
    assert plain(filters.signed(-0.12, "m")) == of(language, f"{minus}0,12 m", f"{minus}0.12 m")
    assert plain(filters.signed(-0.001, "m")) == of(language, "0,00 m", "0.00 m")


def test_times_are_the_instances(language: str) -> None:
    assert filters.clock(NOW) == "06:02"
    assert filters.zone(NOW) == "UTC+2"
    assert filters.day_time(NOW - timedelta(hours=8)) == of(language, "mer. 22:02", "Wed 22:02")
    assert plain(filters.day(NOW)) == of(language, "jeu. 10 oct. 2024", "Thu 10 Oct 2024")
    assert filters.day_time(datetime(2023, 1, 2, tzinfo=UTC)).endswith("01:00")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0.5, "30 s"),
        (41, "41 min"),
        (134, "2 h 14"),
        (120, "2 h"),
        (880, "14 h 40"),
        (-5, "-5 min"),
    ],
)
def test_durations(language: str, minutes: float, said: str) -> None:
    assert language in {"fr", "en"}
    expected = said.replace("-", filters.MINUS)
    assert plain(filters.duration(timedelta(minutes=minutes))) == expected


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0.2, "1 min"), (7.4, "7 min"), (41, "40 min"), (209, "3 h 30"), (900, "15 h")],
)
def test_forecasts_are_no_more_exact_than_they_can_be(minutes: float, said: str) -> None:
    assert plain(filters.rough(timedelta(minutes=minutes))) == said


def test_ages(language: str) -> None:
    ago = filters.ago(NOW - timedelta(minutes=3))
    assert plain(ago) == of(language, "il y a 3 min", "3 min ago")
    assert filters.ago(NOW) == of(language, "à l\N{RIGHT SINGLE QUOTATION MARK}instant", "just now")
    assert filters.ago(None) == of(language, "jamais", "never")


def test_periods(language: str) -> None:
    at = [NOW + timedelta(hours=hours) for hours in (-800, -24, 0, 2)]
    assert filters.period(at[2], at[3]) == of(language, "de 06:02 à 08:02", "from 06:02 to 08:02")
    assert plain(filters.period(at[0], at[1])) == of(
        language, "du 6 sept., 22:02 au mer. 06:02", "from 6 Sept, 22:02 to Wed 06:02"
    )
    assert plain(filters.period(at[1], at[2])) == of(
        language, "du mer. 06:02 à 06:02", "from Wed 06:02 to 06:02"
    )


def test_words_of_codes_are_no_verbs(language: str) -> None:
    codes = catalogue().quantities["barrier_position"].codes.values()
    assert [code_word(word) for word in codes] == (
        ["ouverte", "fermée", "entre les deux"] if language == "fr" else list(codes)
    )
