"""What the dashboards of cameras and Wi-Fi ask of the database."""

from datetime import timedelta

import pytest

from dashboards._build import list_panels
from dashboards.cameras import DASHBOARD
from dashboards.wifi import DASHBOARD as WIFI
from hypervisor.database.connect import Connection
from tests.integration.dashboards.telling import NOW, roll, shown, tell

pytestmark = pytest.mark.integration
AGO = NOW - timedelta(minutes=10)


def test_cameras_and_recorders_by_their_last_readings(essonne: Connection) -> None:
    tell(essonne, "video-evry-cathedral", "camera_reachable", [(AGO, 0.0)])
    tell(essonne, "video-evry-cathedral", "frame_age", [(AGO, 900.0)])
    tell(essonne, "video-evry-station", "camera_reachable", [(AGO, 1.0)])
    tell(essonne, "video-evry-station", "frame_age", [(AGO, 400.0)])
    tell(essonne, "video-evry-recorder", "recorder_disk", [(AGO, 93.0)])
    tell(essonne, "video-evry-recorder", "recording_age", [(AGO, 33.0)])
    roll(essonne)
    panels = {
        panel.key: shown(essonne, DASHBOARD, panel.key, NOW) for panel in list_panels(DASHBOARD)
    }
    (now,) = panels["cameras-now"]
    assert (now["down"], now["blind"]) == (1, 1)
    assert [row["reached"] for row in panels["cameras-list"]] == [0.0, 1.0]
    (recorder,) = panels["cameras-recorders"]
    assert (recorder["disk"], recorder["against"]) == (93.0, pytest.approx(110))
    assert panels["cameras-disk"]


def test_wifi_by_site(essonne: Connection) -> None:
    tell(essonne, "wifi-etampes-square", "wifi_clients", [(AGO, 42.0)])
    roll(essonne)
    panels = {panel.key: shown(essonne, WIFI, panel.key, NOW) for panel in list_panels(WIFI)}
    assert [row["value"] for row in panels["wifi-clients"]] == [42.0]
