"""The command on the whole territory of the example: a private server, the whole week."""

import pytest

from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.grafana import boards, service_check
from sensors._domain import catalogue

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]
CONSOLE = "https://console.test"


def test_every_dashboard_is_right_on_the_whole_week_of_the_whole_territory() -> None:
    options = Options(catalogue=catalogue(), lang="en", console_url=CONSOLE, others=dashboards())
    said: list[str] = []
    built = boards.build_boards(dashboards(), options)
    report = service_check.check_simulated(built, CONSOLE, "territory-week", say=said.append)
    assert [str(finding) for finding in report.findings] == []
    assert report.rows > 50_000
    assert said
