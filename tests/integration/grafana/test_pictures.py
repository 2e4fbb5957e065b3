"""Every dashboard's data becomes a picture, on a database of the simulators."""

from datetime import timedelta
from pathlib import Path

import pytest

from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.app.screenshots import PicturesError
from hypervisor.database import panels
from hypervisor.grafana import boards
from hypervisor.grafana.boards import flat
from hypervisor.grafana.pictures import PictureOptions, drawn, take
from sensors._domain import catalogue
from tests.integration.grafana.conftest import Week

pytestmark = pytest.mark.integration

BOARDS = boards.built(dashboards(), Options(catalogue=catalogue(), lang="en"))
WANTED = PictureOptions(boards=BOARDS, length=timedelta(days=2))


def test_every_panel_is_drawn_that_has_something_to_show(week: Week) -> None:
    with panels.reader(week.reader) as connection:
        for board in BOARDS:
            told = drawn(board, connection, WANTED)
            assert told.count("<section") == len(
                [each for each in flat(board.document) if each["type"] != "row"]
            )
            assert told.count('class="none"') < told.count("<section") / 2, board.name
            assert "nan" not in told


def test_a_dashboard_that_there_is_not_is_told(week: Week, tmp_path: Path) -> None:
    wanted = PictureOptions(boards=BOARDS, length=timedelta(days=2), only=frozenset({"fish"}))
    with pytest.raises(PicturesError, match=r"no dashboard is called fish; there are alarms, "):
        take(wanted, week.url, week.reader, tmp_path, print)


@pytest.mark.long
def test_a_picture_is_taken_in_a_browser(week: Week, tmp_path: Path) -> None:
    wanted = PictureOptions(
        boards=BOARDS, length=timedelta(days=2), tall=900, only=frozenset({"territory"})
    )
    said: list[str] = []
    take(wanted, week.url, week.reader, tmp_path, said.append)
    file = tmp_path / "dashboard-territory.png"
    assert said == [str(file)]
    head = file.read_bytes()[:24]
    width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    assert (width, 500 < height <= 940) == (1440, True)
