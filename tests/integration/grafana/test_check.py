"""Every dashboard is right on a simulated week; one mistake made by hand is told by its name."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboards._build import build_document
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.database import panels
from hypervisor.grafana import boards
from hypervisor.grafana.boards import Board, iter_panels
from hypervisor.grafana.service_check import CheckTarget, Report, check_boards
from sensors._domain import catalogue
from tests.integration.grafana.conftest import Week
from tests.unit.dashboards.zoo import ZOO

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CONSOLE = "https://console.test"
OPTIONS = Options(catalogue=catalogue(), console_url=CONSOLE, others=dashboards())
DAY = {"24 h": timedelta(hours=24)}
ZOO_ALONE = Options(catalogue=catalogue(), console_url=CONSOLE)
Json = dict[str, Any]


def held(made: list[Board], week: Week, **how: Any) -> Report:
    """As the reader of the whole territory; `how`: less of the ground than all."""
    with panels.reader(week.care) as connection:
        return check_boards(
            made, CheckTarget(connection=connection, until=week.ends, console=CONSOLE, **how)
        )


def test_every_dashboard_is_right_on_a_week_with_a_flood_an_outage_and_a_jam(week: Week) -> None:
    report = held(boards.build_boards(dashboards(), OPTIONS), week)
    assert [str(finding) for finding in report.findings] == []
    assert report.dashboards == len(dashboards())
    assert report.queries > report.panels > 0


def zoo(alter: Callable[[Json], None] = lambda _document: None) -> list[Board]:
    made = copy.deepcopy(build_document(ZOO, ZOO_ALONE))
    alter(made)
    return [Board(document=made, described=ZOO)]


def test_the_dashboard_that_mistakes_are_made_in_is_right(week: Week) -> None:
    assert [str(finding) for finding in held(zoo(), week).findings] == []


def panel(made: Json, title: str) -> Json:
    return next(each for each in iter_panels(made) if each.get("title") == f"Le {title}")


def sql(title: str, old: str, new: str) -> Callable[[Json], None]:
    def alter(made: Json) -> None:
        target = panel(made, title)["targets"][0]
        assert old in target["rawSql"]
        target["rawSql"] = target["rawSql"].replace(old, new)

    return alter


def at(path: str, value: object) -> Callable[[Json], None]:
    """Set what lies at a path: `lines/fieldConfig/defaults/unit`; the first part is a panel."""

    def alter(made: Json) -> None:
        title, *keys, last = path.split("/")
        place: Any = panel(made, title) if title else made
        for key in keys:
            place = place[int(key) if key.isdigit() else key]
        place[int(last) if last.isdigit() else last] = value

    return alter


def variable(name: str, **said: object) -> Callable[[Json], None]:
    def alter(made: Json) -> None:
        listed = made["templating"]["list"]
        listed.append({**next(v for v in listed if v["name"] == "river"), "name": name, **said})

    return alter


def link(url: str) -> Callable[[Json], None]:
    def alter(made: Json) -> None:
        for override in panel(made, "table")["fieldConfig"]["overrides"]:
            for each in override["properties"]:
                if each["id"] == "links":
                    each["value"][0]["url"] = url

    return alter


def overridden(title: str, name: str) -> Callable[[Json], None]:
    def alter(made: Json) -> None:
        override = panel(made, title)["fieldConfig"]["overrides"]
        override.append({"matcher": {"id": "byName", "options": name}, "properties": []})

    return alter


def lat(made: Json) -> None:
    panel(made, "map")["options"]["layers"][-1]["location"]["latitude"] = "latitude"


def colour(made: Json) -> None:
    style = panel(made, "map")["options"]["layers"][-1]["config"]["style"]
    style["color"]["field"] = "colour"


UNKNOWN_SOURCE = {"type": "grafana-postgresql-datasource", "uid": "hypervisr"}
MISTAKES: dict[str, tuple[Callable[[Json], None], str]] = {
    "a misspelt column": (sql("lines", "bucket.mean", "bucket.maen"), "bucket.maen does not exist"),
    "a misspelt table": (sql("table", "FROM alarm ", "FROM alram "), '"alram" does not exist'),
    "a unit that does not fit": (
        at("lines/fieldConfig/defaults/unit", "celsius"),
        "the unit is 'celsius'; its quantity has 'suffix:m'",
    ),
    "a unit that nobody knows": (
        at("log/fieldConfig/defaults/unit", "furlong"),
        "Grafana has no unit 'furlong'",
    ),
    "no time filter": (
        sql("table", "$__timeFilter(alarm.began)", "true"),
        "does not use the time range; add $__timeFilter",
    ),
    "a time filter that does not filter": (
        sql("lines", "$__timeFrom()::timestamptz, ", "'-infinity', "),
        "rows lie outside the time range",
    ),
    "a lane without its partition": (
        at("lanes/transformations", []),
        "expected a transformation partitionByValues on the device",
    ),
    "lanes parted by what is not there": (
        at("cells/transformations/1/options/fields", ["device"]),
        "its lanes are split by 'device'; its columns are time, lane, state",
    ),
    "an unknown variable": (
        sql("map", "${river:sqlstring}", "${rivre:sqlstring}"),
        "$rivre is no variable of this dashboard",
    ),
    "a variable that nothing uses": (variable("bank"), "variable $bank: nothing uses it"),
    "a variable twice": (variable("river"), "variable $river: it is defined 2 times"),
    "a variable with nothing to choose": (
        at("/templating/list/3/query", "SELECT name FROM site WHERE false"),
        "variable $river: it offers no value",
    ),
    "another data source": (
        at("map/targets/0/datasource", UNKNOWN_SOURCE),
        "its data source is 'grafana-postgresql-datasource' 'hypervisr'",
    ),
    "a variable's data source": (
        at("/templating/list/0/datasource", UNKNOWN_SOURCE),
        "variable $epci: its data source",
    ),
    "an id twice": (
        lambda made: at("stat/id", panel(made, "lines")["id"])(made),
        "2 panels have the id",
    ),
    "a link to no dashboard": (link("/d/hypervisor-fllod"), "the dashboard 'hypervisor-fllod'"),
    "a link to no page": (link(f"{CONSOLE}/stes/a"), "'/stes/a' in the console, which has no such"),
    "a link to elsewhere": (link("https://elsewhere.test/"), "leads neither to a dashboard"),
    "a link by a missing column": (
        link(f"{CONSOLE}/sites/${{__data.fields.place}}"),
        "a link takes 'place' of the row; its columns are alarm, priority, site",
    ),
    "no calcs": (at("stat/options/reduceOptions/calcs", []), "it has no calcs"),
    "an unknown calc": (
        at("stat/options/reduceOptions/calcs", ["lastNotNul"]),
        "Grafana has no calc 'lastNotNul'",
    ),
    "an unknown kind of panel": (at("gauge/type", "guage"), "no panel of type 'guage'"),
    "an unknown transformation": (
        at("chosen/transformations/0/id", "limits"),
        "Grafana has no transformation 'limits'",
    ),
    "times that do not ascend": (
        sql("lines", "ORDER BY bucket.time", "ORDER BY bucket.time DESC"),
        "times must ascend",
    ),
    "a value that is a word": (sql("log", "bucket.mean", "bucket.mean::text"), "no column is a nu"),
    "no column time": (
        sql("log", "bucket.time,", "bucket.time AS at,"),
        "no column is called time",
    ),
    "an override of no column": (overridden("table", "prority"), "an override names 'prority'"),
    "a map without its latitude": (lat, "it needs a column 'latitude'"),
    "a map coloured by nothing": (colour, "its markers' color uses 'colour'"),
    "a panel that shows nothing": (
        sql("map", "WHERE (", "WHERE false AND ("),
        "it is empty; say in `empty` why it may be",
    ),
    "no description": (at("map/description", ""), "it has no description"),
    "a macro that Grafana has not": (
        sql("table", "$__timeFilter(", "$__timeFiltre("),
        "unknown macro $__timeFiltre(…)",
    ),
    "an apostrophe that ends the word": (
        sql("chosen", "'$gauge'", "'${gauge:raw}'"),
        "with L'Haÿ-les-Roses chosen: syntax error",
    ),
    "what the SDK would lose": (at("map/colour", "red"), "the file has 'red'"),
    "an annotation's column": (
        at("/annotations/list/0/target/rawSql", "SELECT now() AS time"),
        "it has no column 'text'",
    ),
    "an annotation of another time": (
        at(
            "/annotations/list/0/target/rawSql",
            "SELECT '2000-01-01'::timestamptz AS time, '' AS text",
        ),
        "1 rows lie outside the time range",
    ),
    "bars on nothing": (at("chart/options/xField", "name"), "its bars use 'name' as x"),
    "a scatter of nothing": (
        at("scatter/options/series/0/x/matcher/options", "east"),
        "it needs a column 'east'",
    ),
}


@pytest.mark.parametrize(("alter", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(alter: Callable[[Json], None], said: str, week: Week) -> None:
    report = held(zoo(alter), week, lengths=DAY, narrowed="chosen" in said)
    told = [str(finding) for finding in report.findings]
    assert any(said in one for one in told), told
    assert len(told) <= 3, told


def test_a_reader_of_one_area_is_asked_without_an_error_and_sees_less(week: Week) -> None:
    made = boards.build_boards(dashboards(), OPTIONS)
    whole = held(made, week, lengths=DAY, narrowed=False)
    report = held(made, replace(week, care=week.tenant), lengths=DAY, narrowed=False)
    told = [str(finding) for finding in report.findings]
    assert not [one for one in told if "it is empty" not in one and "it offers no value" not in one]
    assert 0 < report.rows < whole.rows
