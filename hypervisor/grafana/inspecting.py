"""The check as a command runs it: on an instance's data, or on a simulated week of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboards._describe import Dashboard
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.database import panels
from hypervisor.grafana import boards
from hypervisor.grafana.boards import Board
from hypervisor.grafana.checking import Ground, Report, check

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is checked, and where the console is."""

    boards: Sequence[Board]
    console: str


def described() -> tuple[Dashboard, ...]:
    """All dashboards that there are."""
    return dashboards()


def built(options: Options) -> list[Board]:
    """All of them, built."""
    return boards.built(described(), options)


def on_instance(task: Task, database_url: str, reader_url: str = "") -> Report:
    """Check on the data of an instance, as a reader that logs in, or as our own role of one.

    Raises:
        AskingError: it cannot be asked, or has no readings.
    """
    with panels.reader(reader_url or database_url, owner=not reader_url) as connection:
        _, until = panels.spanned(connection)
        ground = Ground(connection=connection, until=until, console=task.console)
        return check(task.boards, ground)


def on_simulated(task: Task, scenario: str, *, say: Say) -> Report:
    """Check on a database of its own, filled by the simulators, that goes again."""
    from hypervisor.grafana.private import filled  # noqa: PLC0415  servers only where asked for

    with filled(scenario, say=say) as url:
        return on_instance(task, url)


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {"ok": not report.findings, **asdict(report)}


def told(report: Report) -> Iterator[str]:
    """The report for people, a line a finding."""
    for finding in report.findings:
        yield str(finding)
    wrong = len(report.findings)
    yield (
        f"{report.dashboards} dashboards, {report.panels} panels, {report.queries} queries,"
        f" {report.rows} rows: {f'{wrong} wrong' if wrong else 'all well'}"
    )
