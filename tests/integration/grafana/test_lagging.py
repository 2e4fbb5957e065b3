"""Every panel shows the same while the roll-ups lag ten hours behind as when they do not."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.database import panels, tenancy
from hypervisor.database.connect import Connection, connect
from hypervisor.grafana import boards, emulation
from hypervisor.grafana.emulation import Span
from sensors._domain import catalogue
from tests.integration.dashboards.telling import roll
from tests.integration.grafana.conftest import Week

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LAG = timedelta(hours=10)
LENGTHS = (timedelta(hours=24), timedelta(days=30))  # by the hour; by the day
BOARDS = boards.build_boards(dashboards(), Options(catalogue=catalogue(), others=dashboards()))


def read_panels(connection: Connection, week: Week) -> Iterator[tuple[str, list[str]]]:
    """Each panel's rows, whatever their order, of both lengths."""
    for board in BOARDS:
        chosen = emulation.default_selections(board.document)
        for piece in board.pieces():
            for query in piece.queries:
                for length in LENGTHS:
                    span = Span(since=week.ends - length, until=week.ends)
                    interval = emulation.compute_interval(span, 900, "")
                    sql = emulation.interpolate(query["rawSql"], chosen)
                    sql = emulation.expand_macros(sql, span, interval)
                    answer = panels.run_query(connection, sql)
                    yield f"{board.name}: {piece.title}, {length}", sorted(map(_plain, answer.rows))


def _plain(row: tuple[object, ...]) -> str:
    """Sums of parts differ in the last digits."""
    return str([round(cell, 6) if isinstance(cell, float) else str(cell) for cell in row])


@pytest.fixture
def current(week: Week) -> dict[str, list[str]]:
    with closing(connect(week.url, autocommit=True)) as connection:
        roll(connection)  # other tests empty some tables
    with panels.reader(week.care) as connection:
        return dict(read_panels(connection, week))


@pytest.fixture
def behind(week: Week) -> Iterator[Connection]:
    """As a reader of everything; what the last hours were rolled up to is gone for the while."""
    with closing(connect(week.url)) as connection:
        since = (week.ends - LAG).replace(minute=0, second=0, microsecond=0)
        connection.execute("UPDATE rollup_state SET fill = %s", [since])
        connection.execute(
            "UPDATE rollup_day SET max = -1, last = -1, count = 1, sum = -1 WHERE begins > %s",
            [since - timedelta(hours=23)],
        )
        connection.execute("DELETE FROM rollup_hour WHERE begins >= %s", [since])
        connection.execute("DELETE FROM rollup_suspect WHERE begins >= %s", [since])
        connection.execute(f"SET LOCAL ROLE {tenancy.READER_WHOLE}".encode())
        yield connection
        connection.rollback()


def test_panels_tell_the_same_while_the_roll_ups_lag(
    week: Week, current: dict[str, list[str]], behind: Connection
) -> None:
    late = dict(read_panels(behind, week))
    assert sum(map(len, current.values())) > 1000
    other = {name for name in current if current[name] != late[name]}
    assert {name for name in other if "[quality-rollup]" not in name} == set()
    assert other, "how far they lie behind is told nowhere"
