"""Who is held to an EPCI sees of every table just what the whole territory's reader finds there.

What belongs to the EPCI is said here once more, in plain SQL over what that reader sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hypervisor.database import panels
from hypervisor.database.connect import Connection, connect
from tests.integration.grafana.conftest import EPCI, Week

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OWN = """
WITH epci AS (SELECT code FROM area WHERE code = %s),
commune AS (SELECT code FROM area WHERE parent IN (SELECT code FROM epci)),
own_site AS (SELECT * FROM site WHERE site.commune IN (SELECT code FROM commune)),
own_device AS (SELECT * FROM device WHERE site IN (SELECT id FROM own_site)),
own_series AS (SELECT id FROM series WHERE device IN (SELECT id FROM own_device)),
own_member AS (SELECT split_part(key, '/', 1) AS device_group FROM revision WHERE kind = 'member'
    AND split_part(key, '/', 2) IN (SELECT name FROM own_device)),
own_group AS (SELECT name FROM device_group WHERE CASE WHEN site IS NULL
    THEN name IN (SELECT device_group FROM own_member) ELSE site IN (SELECT id FROM own_site) END),
own_asset AS (SELECT name FROM asset WHERE commune IN (SELECT code FROM commune)
    OR site IN (SELECT id FROM own_site)
    OR commune IS NULL AND site IS NULL AND name IN (SELECT key FROM revision WHERE kind = 'reach'
        AND value->>'gauge' IN (SELECT name FROM own_site))),
own_subject AS (SELECT name FROM own_site UNION SELECT 'device/' || name FROM own_device
    UNION SELECT 'group/' || name FROM own_group),
own_work AS (SELECT key FROM revision WHERE kind = 'works' AND (
    value->'sites' ?| ARRAY (SELECT name FROM own_site)
    OR value->'devices' ?| ARRAY (SELECT name FROM own_device)
    OR value->'groups' ?| ARRAY (SELECT name FROM own_group))),
own_alarm AS (SELECT id FROM alarm WHERE site IN (SELECT id FROM own_site))
"""
_BY_SERIES = "series_id IN (SELECT id FROM own_series)"
_OF_COMMUNES = "communes && ARRAY (SELECT code FROM commune)"
_BY_ALARM = "alarm IN (SELECT id FROM own_alarm)"
_BY_GROUP = "lit_group IN (SELECT name FROM own_group)"
_BY_SUBJECT = "subject IN (SELECT name FROM own_subject)"

# Of each table what belongs to the EPCI: true where it tells nothing of a place, false where it is
# for those alone who see everything.
BELONGS = {
    "area": "code IN (TABLE commune UNION TABLE epci) OR kind = 'departement'",
    "site": "id IN (SELECT id FROM own_site)",
    "device": "id IN (SELECT id FROM own_device)",
    "series": "id IN (SELECT id FROM own_series)",
    "reading": _BY_SERIES,
    "reading_version": _BY_SERIES,
    "rollup_hour": _BY_SERIES,
    "rollup_day": _BY_SERIES,
    "rollup_suspect": _BY_SERIES,
    **dict.fromkeys(
        (
            *("forecast", "forecast_input", "forecast_facts", "forecast_due", "forecast_skill"),
            "expert_forecast",
        ),
        "site IN (SELECT id FROM own_site)",
    ),
    "gateway": "name IN (SELECT gateway FROM own_device)",
    "device_group": "name IN (SELECT name FROM own_group)",
    "asset": "name IN (SELECT name FROM own_asset)",
    "lit_plan": _BY_GROUP,
    "lit_day": _BY_GROUP,
    "revision": """CASE
        WHEN kind IN ('rule', 'plan') THEN true
        WHEN kind = 'series' OR kind = 'threshold' AND starts_with(key, 'device/')
            THEN regexp_replace(key, '^device/|/[^/]*$', '', 'g') IN (SELECT name FROM own_device)
        WHEN kind = 'device' THEN key IN (SELECT name FROM own_device)
        WHEN kind = 'member' THEN split_part(key, '/', 2) IN (SELECT name FROM own_device)
        WHEN kind IN ('threshold', 'datum', 'forecast')
            THEN regexp_replace(key, '/.*', '') IN (SELECT name FROM own_site)
        WHEN kind = 'link' THEN NOT EXISTS (
            SELECT FROM regexp_split_to_table(key, '>') AS one
            WHERE one NOT IN (SELECT name FROM own_site))
        WHEN kind = 'supply' THEN key IN (SELECT name FROM own_group)
        WHEN kind = 'reach' THEN key IN (SELECT name FROM own_asset)
        WHEN kind = 'works' THEN key IN (SELECT key FROM own_work) END""",
    "rule_state": _BY_SUBJECT,
    "alarm": "id IN (SELECT id FROM own_alarm)",
    "intervention": "commune IN (TABLE commune)",
    "team": "communes IS NULL OR communes && ARRAY (TABLE commune)",
    "command": "site IN (SELECT id FROM own_site)",
    "command_event": "command IN (SELECT id FROM command WHERE site IN (SELECT id FROM own_site))",
    **dict.fromkeys(("command_step", "command_sender"), "true"),
    **dict.fromkeys(("interlock", "arming"), "site IN (SELECT id FROM own_site)"),
    "command_proposal": "site IN (SELECT id FROM own_site)",
    "command_relay": "command IN (SELECT id FROM command WHERE site IN (SELECT id FROM own_site))",
    "command_override": "command IN (SELECT id FROM command"
    " WHERE site IN (SELECT id FROM own_site))",
    "alarm_hold": _BY_SUBJECT,
    "set_aside": f"subject = '' OR {_BY_SUBJECT}",
    "transition": _BY_ALARM,
    "alarm_act": _BY_ALARM,
    "closing": _BY_ALARM,
    "incident_alarm": _BY_ALARM,
    "outbox": _BY_ALARM,
    "delivery": _BY_ALARM,
    "incident": "number IN (SELECT incident FROM own_alarm JOIN incident_alarm ON alarm = id)",
    "dead_letter": "regexp_replace(topic, '^devices/([^/]*).*', '\\1')"
    " IN (SELECT name FROM own_device) AND starts_with(topic, 'devices/')",
    "log_entry": "site IN (SELECT id FROM own_site) OR site IS NULL AND area IN (TABLE epci)",
    "past_event": "site IN (SELECT id FROM own_site) OR river IN (SELECT river FROM own_site)",
    "river_reach": "upstream IN (SELECT name FROM own_site)"
    " AND downstream IN (SELECT name FROM own_site)",
    **dict.fromkeys(
        (
            *(
                "instance",
                "zone",
                "codec",
                "retention",
                "alarm_setting",
                "worker",
                "ingest_gap",
                "message_loss",
            ),
            *(
                "evaluation_state",
                "columnar_part",
                "columnar_dirty",
                "feed",
                "rollup_state",
                "forecast_state",
            ),
            *("conductor", "exercise_run", "exercise_message"),
            *("feed_poll", "official_colour", "official_bulletin", "area_outline"),
            "official_event",
            *("area_border", "river_course", "official_reach"),
        ),
        "true",
    ),
    "publication": _OF_COMMUNES,
    "publication_message": f"publication IN (SELECT id FROM publication WHERE {_OF_COMMUNES})",  # noqa: S608  constants
    **dict.fromkeys(("evaluation_input", "migration", "lit_input", "lit_state"), "false"),
}
# Where the week tells both of the EPCI and of others: a policy of true or false would not pass.
TOLD = {
    *("area", "site", "device", "series", "reading", "rollup_hour", "rollup_day", "rollup_suspect"),
    *(
        "device_group",
        "asset",
        "lit_plan",
        "lit_day",
        "revision",
        "rule_state",
        "alarm",
        "transition",
    ),
    *("alarm_act", "outbox", "dead_letter", "reading_version"),
}
# What the week has none of: of every series, until the module's tests are done.
_MADE = {
    "rollup_suspect": "SELECT id, now(), now(), 1 FROM series",
    "reading_version": "SELECT id, now(), 1, 0, now() FROM series",
}


@dataclass(frozen=True)
class Readers:
    held: Connection
    whole: Connection


@pytest.fixture(scope="module")
def readers(week: Week) -> Iterator[Readers]:
    with connect(week.url, autocommit=True) as owner:
        for table, rows in _MADE.items():
            owner.execute(f"INSERT INTO {table} {rows}".encode())
        try:
            with panels.reader(week.tenant) as held, panels.reader(week.reader) as whole:
                yield Readers(held, whole)
        finally:
            for table in _MADE:
                owner.execute(f"DELETE FROM {table}".encode())  # noqa: S608


def _readable(connection: Connection) -> dict[str, str]:
    """Of every table and view, the columns that this reader is granted."""
    rows = connection.execute(
        "SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relnamespace = ANY (%s::regnamespace[]) AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND NOT a.attisdropped AND has_schema_privilege(c.relnamespace, 'USAGE')"
        " AND has_column_privilege(c.oid, a.attnum, 'SELECT') GROUP BY 1",
        [["public", "shown"]],
    )
    return {str(table): str(columns) for table, columns in rows}


def _rows(connection: Connection, table: str, columns: str, where: str) -> tuple[int, str]:
    """How many, and what they say together, in no order."""
    row = connection.execute(
        f"{OWN} SELECT count(*), coalesce(md5(string_agg(said, '' ORDER BY said)), '')"  # noqa: S608
        f" FROM (SELECT md5(ROW({columns})::text) AS said FROM {table} WHERE {where}) own".encode(),
        [EPCI],
    ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def test_every_table_that_a_reader_sees_is_looked_at(readers: Readers) -> None:
    assert set(_readable(readers.held)) == set(BELONGS)
    assert _readable(readers.held) == _readable(readers.whole)


@pytest.mark.parametrize("table", sorted(BELONGS))
def test_the_held_reader_sees_what_belongs_to_the_epci(readers: Readers, table: str) -> None:
    columns = _readable(readers.held)[table]
    seen = _rows(readers.held, table, columns, "true")
    assert seen == _rows(readers.whole, table, columns, BELONGS[table])
    if table in TOLD:
        every, _ = _rows(readers.whole, table, columns, "true")
        assert 0 < seen[0] < every
