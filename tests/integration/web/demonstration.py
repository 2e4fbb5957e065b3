"""The demonstration's territory in a database: its inventory, and something happened everywhere."""

from psycopg import ClientCursor

from hypervisor.alarms import service_list
from hypervisor.database.connect import Connection
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.readings import queries_workers
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from rules._pack import packs as shipped
from tests.integration.web.served import NOW

EPCI = "200056232"  # Paris-Saclay: two fifths of the devices
# Per series two readings and their roll-ups; per site ten alarms with what belongs to them.
_FILLED = """
INSERT INTO reading (series_id, time, received_at, value, quality)
    SELECT id, %(now)s - n * INTERVAL '30 min', %(now)s - n * INTERVAL '30 min', n, 0
    FROM series, generate_series(1, 2) n;
INSERT INTO reading_version (series_id, time, value, quality, received_at)
    SELECT id, %(now)s - INTERVAL '30 min', 3, 0, %(now)s FROM series WHERE id %% 100 = 0;
INSERT INTO rollup_hour (series_id, begins, day, count, sum, min, max, last, last_at)
    SELECT id, %(now)s - n * INTERVAL '1 h', date_trunc('day', %(now)s - n * INTERVAL '1 h'),
        1, 1, 1, 1, 1, %(now)s FROM series, generate_series(1, 3) n;
INSERT INTO rollup_day (series_id, begins, count, sum, min, max, last, last_at)
    SELECT id, date_trunc('day', %(now)s), 1, 1, 1, 1, 1, %(now)s FROM series;
INSERT INTO alarm (rule, subject, site, since, began, ended, severity, stale, title, noticed_at,
        changed_at)
    SELECT COALESCE((SELECT min(key) FROM revision WHERE kind = 'rule'
            AND starts_with(key, site.domain)), 'none'),
        site.name, site.id, at, at, CASE WHEN n > 2 THEN at + INTERVAL '1 h' END,
        jsonb_build_array(jsonb_build_array(at, 'major')), '[]', 'high', at, at
    FROM site, generate_series(1, 10) n, LATERAL (SELECT %(now)s - n * INTERVAL '3 h' AS at) t;
INSERT INTO transition (alarm, kind, event_time, noticed_at, snapshot)
    SELECT id, 'raised', began, began, to_jsonb(alarm) FROM alarm;
INSERT INTO alarm_act (alarm, kind, author, at, reason, version, state)
    SELECT id, 'comment', 'anne', began, 'seen', version, state FROM alarm;
INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)
    SELECT 'devices/' || name || '/readings', '{}', 'not-json', 'x', %(now)s, 'one' FROM device;
INSERT INTO audit (kind, subject, author, reason)
    SELECT 'invalidate', name || '/level', 'anne', 'x' FROM site;
INSERT INTO log_entry (at, author, kind, text, site)
    SELECT %(now)s, 'anne', 'note', 'x', id FROM site;
INSERT INTO past_event (site, kind, begins, ends, note, author)
    SELECT id, 'overflow', %(now)s, %(now)s, 'x', 'anne' FROM site;
"""


def make_demonstration(connection: Connection) -> None:
    """Fill a migrated database with it."""
    connection.execute("INSERT INTO instance (mode, name) VALUES ('live', 'demo')")
    apply_inventory(connection, read_sources(["essonne"]), author="test", now=None)
    shipped_rules.record_and_log(connection, shipped(), now=None)
    queries_workers.join(connection, "one")
    connection.execute(
        "INSERT INTO evaluation_state (cursor, watermark, evaluated_to, engine)"
        " VALUES ('0', %s, %s, '1')",
        [NOW, NOW],
    )
    ClientCursor(connection).execute(_FILLED.encode(), {"now": NOW})
    service_list.refresh_incidents(connection)
    connection.commit()
    connection.execute("ANALYZE")
    connection.commit()
