"""Messages in French and in English: short, complete, EXERCICE in an exercise."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.base.instants import parse
from hypervisor.notifications.model import Message
from hypervisor.notifications.rendering import (
    AlarmNotice,
    MessageStyle,
    render,
    render_heartbeat,
    render_test,
)
from hypervisor.notifications.routes import EVENTS
from hypervisor.notifications.words import WORDS, format_measure, format_time
from rules._functions import FUNCTIONS

ALARM: dict[str, Any] = {
    "id": 12,
    "rule": "flood-level",
    "subject": "orge-arpajon",
    "since": "2024-10-09T11:50:00Z",
    "began": "2024-10-09T12:00:00Z",
    "ended": None,
    "severity": [["2024-10-09T12:00:00Z", "minor"], ["2024-10-09T13:00:00Z", "critical"]],
    "stale": [],
    "site": "orge-arpajon",
    "domain": "flood",
    "category": "hazard",
    "title": "Orge at Arpajon: river above its alert level",
    "advice": "Close the embankment road.",
    "title_fr": "Orge à Arpajon : cote d'alerte dépassée",
    "advice_fr": None,
    "active": True,
    "last_value": {
        "quantity": "level",
        "value": 2.413,
        "unit": "m",
        "time": "2024-10-09T13:05:00Z",
        "trend": "rising",
        "per_hour": 0.12,
    },
}
TELLING = AlarmNotice(
    event="raised",
    key="12:raised:1/duty/1",
    at=parse("2024-10-09T12:00:00Z"),
    alarm=ALARM,
    place="Orge à Arpajon, Arpajon",
    quantity={"fr": "hauteur d'eau", "en": "water level"},
)
FR = MessageStyle(instance="Essonne", exercise=False, link="https://town.example")
EN = replace(FR, language="en")


def test_in_french() -> None:
    assert render(TELLING, FR) == Message(
        title="ALARME CRITIQUE - Orge à Arpajon : cote d'alerte dépassée",
        text=(
            "Gravité : critique\n"
            "Depuis le 09/10/2024 à 14:00 (UTC+2)\n"
            "Mesure : hauteur d'eau 2,413 m, le 09/10/2024 à 15:05 (UTC+2),"
            " en hausse de 0,12 m/h\n"
            "Lieu : Orge à Arpajon, Arpajon\n"
            "Conseil : Close the embankment road.\n"
            "Alarme n° 12  https://town.example/alarms/12"
        ),
        kind="failure",
        data=render(TELLING, FR).data,
    )


def test_in_english() -> None:
    message = render(TELLING, EN)
    assert message.title == "CRITICAL ALARM - Orge at Arpajon: river above its alert level"
    assert message.text == (
        "Severity: critical\n"
        "Since 2024-10-09 14:00 (UTC+2)\n"
        "Reading: water level 2.413 m, at 2024-10-09 15:05 (UTC+2), rising by 0.12 m/h\n"
        "Place: Orge à Arpajon, Arpajon\n"
        "Advice: Close the embankment road.\n"
        "Alarm 12  https://town.example/alarms/12"
    )


def test_stale_says_so_with_the_last_value() -> None:
    alarm = {**ALARM, "stale": [["2024-10-09T13:20:00Z", None]]}
    text = render(replace(TELLING, event="stale", alarm=alarm), FR).text
    assert "ATTENTION : pas de données depuis le 09/10/2024 à 15:20 (UTC+2)" in text
    assert "hauteur d'eau 2,413 m" in text


@pytest.mark.parametrize(
    ("event", "title", "line"),
    [
        (
            "cleared",
            "FIN D'ALARME - ",
            "Du 09/10/2024 à 14:00 (UTC+2) au 09/10/2024 à 16:00 (UTC+2)",
        ),
        ("revised", "RÉVISION - ", "Motif : ended later"),
        ("withdrawn", "ALARME RETIRÉE - ", "L'alarme du 09/10/2024 à 14:00 (UTC+2) a été retirée"),
    ],
)
def test_over_revised_withdrawn(event: str, title: str, line: str) -> None:
    alarm = {**ALARM, "ended": "2024-10-09T14:00:00Z", "active": False}
    message = render(replace(TELLING, event=event, alarm=alarm, reason="ended later"), FR)
    assert message.title.startswith(title)
    assert line in message.text
    assert "Conseil" not in message.text


@pytest.mark.parametrize("event", ["reminder", "escalation"])
def test_unanswered_says_since_when(event: str) -> None:
    told = replace(TELLING, event=event, notified_at=parse("2024-10-09T12:01:00Z"))
    assert (
        "No one has acknowledged this alarm, first sent at 2024-10-09 14:01"
        in render(told, EN).text
    )


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("event", [*EVENTS, "escalation"])
def test_an_exercise_says_so_first_whatever_it_tells(event: str, language: str) -> None:
    voice = replace(FR, exercise=True, language=language)
    message = render(replace(TELLING, event=event, notified_at=TELLING.at), voice)
    assert message.title.startswith("EXERCICE - ")
    assert "EXERCI" in message.text.splitlines()[0]
    assert message.data["exercise"] is True


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first, second = (
        render(replace(TELLING, alarm={**ALARM, "began": at}), FR).text
        for at in ("2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z")
    )
    assert "27/10/2024 à 02:30 (UTC+2)" in first
    assert "27/10/2024 à 02:30 (UTC+1)" in second


def test_measures() -> None:
    assert format_measure(1234.5, "m3/s", "fr") == "1234 m³/s"
    assert format_measure(-0.123, "m", "en", signed=True) == "0.123 m"
    assert format_measure(0.25, "1", "fr") == "0,25"
    assert format_measure(123456.0, "W", "en") == "123456 W"


def test_what_is_missing_is_left_out() -> None:
    plain = {**ALARM, "last_value": None, "title_fr": None, "advice": "", "stale": None}
    bare = replace(TELLING, alarm=plain, place="", quantity={})
    assert render(bare, replace(FR, link="")) == Message(
        title="ALARME CRITIQUE - Orge at Arpajon: river above its alert level",
        text="Gravité : critique\nDepuis le 09/10/2024 à 14:00 (UTC+2)\nAlarme n° 12",
        kind="failure",
        data={
            "key": "12:raised:1/duty/1",
            "event": "raised",
            "at": "2024-10-09T12:00:00Z",
            "reason": "",
            "severity": "critical",
            "instance": "Essonne",
            "exercise": False,
            "language": "fr",
            "place": "",
            "link": "",
            "alarm": plain,
        },
    )


@pytest.mark.parametrize(
    ("last", "line"),
    [
        (
            {"trend": "falling", "per_hour": -0.5},
            "rain 2 mm, at 2024-10-09 15:05 (UTC+2), falling by 0.5 mm/h",
        ),
        (
            {"trend": "rising", "per_hour": None},
            "rain 2 mm, at 2024-10-09 15:05 (UTC+2), rising by 0 mm/h",
        ),
        ({"trend": "steady", "per_hour": 0.0}, "rain 2 mm, at 2024-10-09 15:05 (UTC+2), steady"),
        ({"trend": None}, "rain 2 mm, at 2024-10-09 15:05 (UTC+2)"),
    ],
)
def test_what_a_series_last_said(last: dict[str, Any], line: str) -> None:
    value = {"quantity": "rain", "value": 2.0, "unit": "mm", "time": "2024-10-09T13:05:00Z", **last}
    text = render(replace(TELLING, alarm={**ALARM, "last_value": value}, quantity={}), EN).text
    assert f"Reading: {line}" in text.splitlines()


def test_what_the_rule_compares_stands_before_the_last_reading() -> None:
    judged = {"function": "sum", "over": "3 h", "value": 31.4, "unit": "mm", "limit": 25.0}
    last = {"quantity": "rain", "value": 0.0, "unit": "mm", "time": "2024-10-09T13:05:00Z"}
    told = replace(TELLING, alarm={**ALARM, "last_value": {**last, "judged": judged}})
    french = render(told, FR).text.splitlines()
    assert "Comparé par la règle : cumul sur 3 h 31,4 mm, limite 25 mm" in french
    english = render(told, EN).text.splitlines()
    assert "Compared by the rule: sum of 3 h 31.4 mm, limit 25 mm" in english


def test_silence_that_is_over_or_of_what_is_over_is_not_told() -> None:
    ended = {"ended": "2024-10-09T14:00:00Z", "stale": [["2024-10-09T13:20:00Z", None]]}
    back = {"stale": [["2024-10-09T13:20:00Z", "2024-10-09T13:30:00Z"]]}
    for given in (ended, back):
        assert "WARNING" not in render(replace(TELLING, alarm={**ALARM, **given}), EN).text


def test_the_level_and_the_advice_are_of_what_lasts() -> None:
    lines = render(replace(TELLING, event="withdrawn", reason="a slip"), EN).text.splitlines()
    assert lines == [
        "The alarm of 2024-10-09 14:00 (UTC+2) was withdrawn",
        "Reading: water level 2.413 m, at 2024-10-09 15:05 (UTC+2), rising by 0.12 m/h",
        "Place: Orge à Arpajon, Arpajon",
        "Reason: a slip",
        "Alarm 12  https://town.example/alarms/12",
    ]
    raised = render(replace(TELLING, reason="a slip"), EN).text
    assert "Reason" not in raised, "of what is new its alarm tells why"
    assert "No one has acknowledged" not in render(replace(TELLING, notified_at=0), EN).text


@pytest.mark.parametrize(
    ("event", "severity", "kind"),
    [
        ("raised", "info", "info"),
        ("raised", "minor", "warning"),
        ("severity", "major", "warning"),
        ("stale", "critical", "failure"),
        ("cleared", "critical", "success"),
        ("withdrawn", "critical", "success"),
    ],
)
def test_the_colour_of_a_message(event: str, severity: str, kind: str) -> None:
    alarm = {**ALARM, "severity": [["2024-10-09T12:00:00Z", severity]]}
    assert render(replace(TELLING, event=event, alarm=alarm), FR).kind == kind


AT = datetime(2024, 10, 9, 12, 0, tzinfo=UTC)


def test_a_test_of_a_route() -> None:
    assert render_test("duty", "k", AT, EN) == Message(
        title="TEST - Essonne",
        text="Test of the route 'duty'; no action needed.\nEssonne, 2024-10-09 14:00 (UTC+2)",
        kind="info",
        data={
            "key": "k",
            "event": "test",
            "at": "2024-10-09T12:00:00Z",
            "instance": "Essonne",
            "exercise": False,
            "language": "en",
        },
    )
    exercise = render_test("duty", "k", AT, replace(FR, exercise=True))
    assert exercise.title == "EXERCICE - ESSAI - Essonne"
    assert exercise.text.splitlines()[0] == "CECI EST UN EXERCICE."


def test_the_sign_of_life() -> None:
    assert render_heartbeat("k", AT, FR, waiting=3, dead=1, aside=2) == Message(
        title="EN SERVICE - Essonne",
        text="L'hyperviseur Essonne fonctionne (09/10/2024 à 14:00 (UTC+2))."
        " Si ces messages cessent, il est en panne."
        "\nNon évaluable, écarté après une erreur (règles ou sites) : 2."
        "\nNotifications abandonnées : 1.",
        kind="info",
        data={
            "key": "k",
            "event": "alive",
            "at": "2024-10-09T12:00:00Z",
            "instance": "Essonne",
            "exercise": False,
            "language": "fr",
            "waiting": 3,
            "dead": 1,
        },
    )


def test_a_message_is_the_same_after_it_was_kept() -> None:
    message = render(TELLING, FR)
    assert Message(**json.loads(json.dumps(vars(message)))) == message
    assert vars(message).keys() == {"title", "text", "kind", "data"}


def test_the_offset_of_a_zone_is_told_as_it_is() -> None:
    assert format_time(AT, "Asia/Kolkata", "en") == "2024-10-09 17:30 (UTC+5.5)"
    assert format_time(AT, "UTC", "en") == "2024-10-09 12:00 (UTC+0)"
    assert format_time(AT, "America/Martinique", "fr") == "09/10/2024 à 08:00 (UTC-4)"


def test_small_and_large_measures() -> None:
    assert format_measure(1e9, "Cel", "fr") == "1000000000 °C"
    assert format_measure(-2.5, "deg", "fr") == "-2,5 °"
    assert format_measure(12.345, "kWh", "en") == "12.35 kWh"
    assert format_measure(-12345.0, "W", "en", signed=True) == "12345 W", "it says falling by"
    assert format_measure(-12345.0, "W", "en") == "-12345 W"


@pytest.mark.parametrize("style", [FR, EN], ids=["fr", "en"])
@pytest.mark.parametrize("function", [*FUNCTIONS, "a_function_of_the_next_version"])
def test_any_function_of_the_rule_language_is_written(function: str, style: MessageStyle) -> None:
    judged = {"function": function, "over": "3 h", "value": 0.4, "unit": "m", "limit": 0.3}
    alarm = {**ALARM, "last_value": {**ALARM["last_value"], "judged": judged, "trend": "odd"}}
    assert "0,4 m" in render(replace(TELLING, alarm=alarm), style).text.replace("0.4", "0,4")
