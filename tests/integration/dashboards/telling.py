"""What gauges and stations told, and what a panel makes of it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from dashboards._build import list_panels
from dashboards._describe import Dashboard
from hypervisor.database.connect import Connection
from hypervisor.evaluation import lighting_plans
from hypervisor.grafana.emulation import Span, compute_interval, expand_macros
from hypervisor.readings import rollup
from sensors._domain import catalogue

NOW = datetime(2024, 10, 10, 12, 20, tzinfo=UTC)
_POINTS = 900


def tell(
    connection: Connection,
    device: str,
    quantity: str,
    told: Iterable[tuple[datetime, float]],
    quality: int = 0,
) -> None:
    """Readings as ingest would have stored them."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reading (series_id, time, received_at, value, quality)"
            " SELECT s.id, %s, %s, %s, %s FROM series s JOIN device d ON d.id = s.device"
            " WHERE d.name = %s AND s.quantity = %s",
            [(at, at, value, quality, device, quantity) for at, value in told],
        )


def line(
    level: float, per_hour: float, *, hours: float = 6, until: datetime = NOW
) -> list[tuple[datetime, float]]:
    """Quarter hours up to the last one before `until`, which has `level`; a millimetre of waves."""
    last = until.replace(minute=until.minute // 15 * 15, second=0)
    return [
        (last - timedelta(minutes=15 * back), level - per_hour * back / 4 + 0.001 * (back % 2))
        for back in range(int(hours * 4) + 1)
    ]


def roll(connection: Connection) -> None:
    """All of it, by hour and by day."""
    connection.execute("UPDATE rollup_state SET fill = '-infinity'")
    rollup.catch_up(connection, catalogue(), idle_work=lighting_plans.keep)


def shown(
    connection: Connection, board: Dashboard, key: str, until: datetime, hours: float = 48
) -> list[dict[str, Any]]:
    """The rows of a panel's first query, everything chosen."""
    panel = next(panel for panel in list_panels(board) if panel.key == key)
    span = Span(since=until - timedelta(hours=hours), until=until)
    sql = expand_macros(panel.statements[0].sql, span, compute_interval(span, _POINTS))
    sql = re.sub(r"\$\{\w+:sqlstring\}", "'*'", sql).replace("{{lang}}", "'en'")
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.encode()).fetchall()
