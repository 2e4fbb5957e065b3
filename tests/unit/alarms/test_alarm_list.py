"""The list of alarms: its order, its groups, its address, and what is drawn beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

import pytest

from hypervisor.alarms import views as alarm_views
from hypervisor.alarms import views_chart, views_panel, views_words
from hypervisor.alarms.model import ActRecord
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow
from hypervisor.base.instants import micros
from hypervisor.web.filters import NOTHING

NOON = datetime(2024, 10, 10, 12, tzinfo=UTC)
PLAIN = AlarmRow(
    id=1,
    version=1,
    state="unacknowledged",
    severity="minor",
    stepped=NOON,
    hold=None,
    until=None,
    stale=False,
    stale_since=None,
    domain="flood",
    category="hazard",
    rule="flood-high",
    subject="orge",
    title="Orge: high",
    title_fr="Orge : haute",
    began=NOON,
    ended=None,
    assignee=None,
    last_value=None,
    changed=NOON,
    site="orge",
    site_title="Orge",
    commune=None,
    incident=None,
    noticed=NOON,
)


def row(number: int, **changed: object) -> AlarmRow:
    return replace(PLAIN, id=number, **changed)  # type: ignore[arg-type]


def test_the_worst_comes_first_and_what_waits_before_what_is_handled() -> None:
    later = NOON + timedelta(hours=1)
    rows = [
        row(1, severity="major", state="acknowledged"),
        row(2, severity="critical", state="acknowledged"),
        row(3, severity="major"),
        row(4, severity="info", began=later),
        row(5, severity="major", began=later),
        row(6, severity="critical", hold="shelved", until=later),
        row(7, state="returned", severity="critical"),
    ]
    ordered = sorted(rows, key=lambda one: one.urgency)
    assert [one.id for one in ordered] == [7, 2, 5, 3, 1, 4, 6]


def test_incidents_stand_by_their_worst_and_the_lonely_together() -> None:
    rows = [
        row(1, incident=1),
        row(2, incident=1, severity="major"),
        row(3, incident=3),
        row(4, incident=4, severity="info"),
        row(5, incident=5, severity="critical"),
        row(6, incident=6),
        row(7, incident=6),
    ]
    groups = [(number, [one.id for one in found]) for number, found in alarm_views.group_rows(rows)]
    assert groups == [(0, [5, 3, 4]), (1, [2, 1]), (6, [7, 6])]
    ((_, flat),) = alarm_views.group_rows(rows, flat=True)
    assert [one.severity for one in flat][:2] == ["critical", "major"]


@pytest.mark.parametrize(
    "found",
    [
        AlarmFilter(),
        AlarmFilter(which="stale", severity="major", text="l'Orge à Arpajon & co"),
        AlarmFilter(mine=True, changed=True, area="91", domain="flood", show=300),
        AlarmFilter(which="shelved", flat=True),
    ],
)
def test_an_address_says_the_filter_again(found: AlarmFilter) -> None:
    address = alarm_views.build_address(found)
    _, _, query = address.partition("?")
    words = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        words[name] = unquote_plus(value)
    assert alarm_views.parse_filter(words) == found
    assert alarm_views.build_address(found, 7).startswith("/alarms/7")


def test_what_makes_no_sense_in_an_address_is_left_out() -> None:
    said = {"which": "no", "severity": "worst", "incident": "²", "show": "-5", "q": "  \0 "}
    assert alarm_views.parse_filter(said) == AlarmFilter()


def test_the_threshold_of_a_step_is_the_one_its_condition_names() -> None:
    rule = {
        "when": "level > threshold.attention",
        "steps": [
            {"severity": "major", "when": "level > threshold.alert"},
            {"severity": "critical", "when": "level > 3 m"},
        ],
    }
    assert views_words.threshold_of(rule, "minor", "level") == "attention"
    assert views_words.threshold_of(rule, "major", "level") == "alert"
    assert views_words.threshold_of(rule, "critical", "level") == "attention"
    assert views_words.threshold_of(rule, "minor", "discharge") is None
    assert views_words.threshold_of({"when": "silent(level, 2 h)"}, "minor", "level") is None
    assert views_words.threshold_of(None, "minor", "level") is None


def test_a_sign_is_not_compared_with_the_spaces_of_its_car_park() -> None:
    rule = {
        "when": "spaces_shown - (threshold.spaces - vehicles_present) > threshold.spaces * 0.05"
    }
    for quantity in ("spaces_shown", "vehicles_present"):
        assert views_words.threshold_of(rule, "minor", quantity) is None
    full = {"when": "vehicles_present > threshold.spaces * 0.97"}
    assert views_words.threshold_of(full, "minor", "vehicles_present") is None


def test_a_chart_does_not_draw_over_a_silence() -> None:
    begins = NOON - timedelta(hours=12)
    points = [(begins.timestamp() + 900 * n, 1 + n / 100) for n in range(40) if not 10 < n < 25]
    drawn = views_chart.draw_chart(
        points, begins=begins, now=NOON, ends=NOON + timedelta(hours=2), limit=1.5, projected=2.0
    )
    assert drawn is not None
    assert len(drawn.lines) == 2
    assert drawn.unknown is not None
    assert drawn.unknown[0] == drawn.last[0]
    assert drawn.unknown[0] + drawn.unknown[1] == pytest.approx(drawn.now)
    assert 3 <= len(drawn.rows) <= 6
    assert [column.here for column in drawn.columns].count(True) == 1
    assert views_chart.draw_chart(points[:1], begins=begins, now=NOON, ends=NOON) is None


@pytest.mark.parametrize(
    ("values", "last"), [((1.4, 1.0, 1.0, 0.5), True), ((0.5, 1.0, 1.0, 1.4), False)]
)
def test_the_label_of_a_limit_stands_where_the_line_is_far_from_it(
    values: tuple[float, ...], *, last: bool
) -> None:
    begins = NOON - timedelta(hours=12)
    points = [(begins.timestamp() + n * 4 * 3600, value) for n, value in enumerate(values)]
    drawn = views_chart.draw_chart(points, begins=begins, now=NOON, ends=NOON, limit=1.5)
    assert drawn is not None
    assert drawn.limit_last is last


def test_a_sparkline_spans_twelve_hours_back_and_two_ahead() -> None:
    last = {
        "quantity": "level",
        "value": 2.0,
        "unit": "m",
        "time": NOON.isoformat(),
        "per_hour": 0.5,
    }
    points = [((NOON - timedelta(hours=back)).timestamp(), 2 - back / 12) for back in (12, 6, 0)]
    measured = row(1, last_value=last)
    draw = alarm_views._draw_spark  # noqa: SLF001  a page draws it from the database
    drawn = draw(measured, points, (3.0, "m", False), NOON)
    assert drawn is not None
    # 72 by 24 px for 14 h and 1…3 m: the present is at 12/14 of the width, the limit at the top.
    assert drawn["line"] == "M2.0 20.2L31.1 16.1L60.3 12.0"
    assert drawn["last"] == (60.3, 12.0)
    assert drawn["limit"] == 3.8
    assert drawn["projection"] == "M60.3 12.0L70.0 3.8"
    other = draw(measured, points, (3.0, "cm", False), NOON)
    assert other is not None
    assert other["limit"] is None
    assert draw(measured, points[:2], None, NOON) is None


@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, 1.0), (-3.0, 9_999.0), (0.001, 0.0012)])
def test_a_scale_holds_its_values(values: tuple[float, float]) -> None:
    begins = NOON - timedelta(hours=12)
    points = [(begins.timestamp() + n * 3600, value) for n, value in enumerate(values)]
    drawn = views_chart.draw_chart(points, begins=begins, now=NOON, ends=NOON + timedelta(hours=2))
    assert drawn is not None
    assert all(drawn.top <= one.at <= drawn.bottom for one in drawn.rows)
    assert len({one.label for one in drawn.rows}) == len(drawn.rows) >= 2


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        (("sum", "3 h", 31.44, "mm", 25.0), ("31,4 mm", "cumul sur 3 h", "25,0 mm")),
        (("change", "45 min", 0.25, "m", 0.2), ("+0,25 m", "variation sur 45 min", "0,20 m")),
        (("rate", "3 h", 0.12, "m/h", 0.1), ("+12 cm/h", "pente sur 3 h", "10 cm/h")),
        (("mean", "1 h", 4.0, "V", 5.0), ("4,00 V", "moyenne sur 1 h", "5,00 V")),
        (("max", "1 d", 4.0, "%", 5.0), ("4 %", "maximum sur 1 j", "5 %")),
        (("min", "1 d", 4.0, "%", 5.0), ("4 %", "minimum sur 1 j", "5 %")),
        (("quantile", "1 d", 4.0, "%", 5.0), ("4 %", "quantile sur 1 j", "5 %")),
    ],
)
def test_what_the_rule_compares_is_shown_with_its_span(
    judged: tuple[object, ...], words: tuple[str, str, str]
) -> None:
    names = ("function", "over", "value", "unit", "limit")
    last = {
        "quantity": "rain",
        "value": 0.0,
        "unit": "mm",
        "judged": dict(zip(names, judged, strict=True)),
    }
    shown = [views_words.value(last), views_words.span(last), views_words.limit(last)]
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown] == list(words)
    plain = {**last, "judged": None}
    assert views_words.value(plain).startswith("0,0")
    assert (views_words.span(plain), views_words.limit(plain)) == ("", "")
    assert (views_words.value(None), views_words.span(None)) == (NOTHING, "")
    measured = row(1, last_value=last)
    rule = {"when": "sum(rain, 3 h) > threshold.rain_3h"}
    assert alarm_views.threshold_key(measured, rule) is None
    assert alarm_views.threshold_key(row(1, last_value=plain), rule) is None  # a sum is compared


@pytest.mark.parametrize(
    ("kind", "details", "who", "what"),
    [
        ("acknowledge", {}, "Anne A.", "a acquitté"),
        ("escalate", {}, None, "Escalade"),
        ("assign", {"assignee": "bruno"}, "Anne A.", "a affecté à bruno"),
        (
            "assign",
            {"assignee": None},
            "Anne A.",
            "a retiré l\N{RIGHT SINGLE QUOTATION MARK}affectation",
        ),
    ],
)
def test_an_act_in_the_history_names_who_did_it_unless_it_was_the_system(
    kind: str, details: dict[str, object], who: str | None, what: str
) -> None:
    act = ActRecord.model_validate(
        {"id": 1, "alarm": 1, "kind": kind, "author": "anne", "at": micros(NOON), "reason": ""}
        | {"scenario_at": None, "details": details, "version": 2, "state": "acknowledged"}
    )
    entry = views_panel._act_entry(act, {"anne": "Anne A."})  # noqa: SLF001  of a page
    assert (entry.who, entry.what) == (who, what)


def test_a_title_without_its_place_and_values_of_states() -> None:
    assert views_words.parted(row(1)) == ("Orge", "Haute")
    assert views_words.parted(row(1, site_title=None)) == ("orge", "Orge : haute")
    assert views_words.parted(row(1, title_fr="Crue")) == ("Orge", "Crue")
    space = {"quantity": "space_occupied", "unit": "bool", "judged": None}
    shown = [views_words.value({**space, "value": value}) for value in (1.0, 0.0, 0.5)]
    assert shown[:2] == ["oui", "non"]
    assert shown[2].startswith("0,5")
    barrier = {"quantity": "barrier_fault", "unit": "code", "judged": None, "value": 2.0}
    assert views_words.value(barrier) == "barrière de sortie"
    people = {"quantity": "visitors", "unit": "1", "judged": None, "value": 260.0}
    assert views_words.value(people) == "260"


@pytest.mark.parametrize(
    ("category", "title"),
    [("hazard", "Orge : crues"), ("maintenance", "Orge : entretien, crues")],
)
def test_the_title_of_an_incident(category: str, title: str) -> None:
    words = views_words.incident(("flood", category, "Orge: high", ""))
    assert words.replace("\N{NO-BREAK SPACE}", " ") == title
