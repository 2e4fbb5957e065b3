"""The command on the whole territory of the example: a private server, the whole week."""

import pytest

from dashboards._options import Options
from hypervisor.grafana import inspecting
from sensors._domain import catalogue

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]
CONSOLE = "https://console.test"


def test_every_dashboard_is_right_on_the_whole_week_of_the_whole_territory() -> None:
    options = Options(
        catalogue=catalogue(), lang="en", console_url=CONSOLE, others=inspecting.described()
    )
    said: list[str] = []
    task = inspecting.Task(boards=inspecting.built(options), console=CONSOLE)
    report = inspecting.on_simulated(task, "territory-week", say=said.append)
    assert [str(finding) for finding in report.findings] == []
    assert report.rows > 50_000
    assert said
