"""Cameras: their troubles are told by the readings of those they touch, and by no others."""

from dataclasses import replace

import numpy as np
import pandas as pd

from hypervisor.exercises.territory import describe_field
from sensors._domain import catalogue
from simulators._scenarios import load_scenario
from simulators._world import World
from simulators.cameras import SIMULATOR
from tests.unit.packs.judging import registry_of

STORY = load_scenario("cameras-outage")


def emitted(seed: int) -> dict[tuple[str, str], pd.DataFrame]:
    field = describe_field(registry_of("essonne"), catalogue(), STORY.begins)
    own = replace(field, places=field.of("cameras"), assets=())
    rows = SIMULATOR.emit(own, World(STORY, own, seed), seed)
    return {(str(d), str(q)): part for (d, q), part in rows.groupby(["device", "quantity"])}


def test_the_story_is_told_by_whom_it_touches() -> None:
    readings = emitted(1)
    begins = pd.Timestamp(STORY.begins)

    def during(device: str, name: str, since: float, until: float) -> np.ndarray:
        rows = readings[device, name]
        hours = (rows["time"] - begins).dt.total_seconds() / 3600
        return rows.loc[(hours >= since) & (hours < until), "value"].to_numpy()

    for camera in ("video-massy-square", "video-massy-buses", "video-massy-footbridge"):
        assert during(camera, "camera_reachable", 14, 18).max() == 0
        assert during(camera, "camera_reachable", 18, 60).min() == 1
        assert during(camera, "frame_age", 17, 18).min() > 10_000
    assert during("video-evry-agora", "camera_reachable", 0, 60).min() == 1
    assert during("video-evry-cathedral", "camera_tampering", 20, 32).min() == 1
    assert during("video-evry-cathedral", "camera_tampering", 0, 20).max() == 0
    frozen = during("video-evry-station", "frame_age", 8, 12)
    assert np.diff(frozen).min() > 200
    assert frozen.max() > 3 * 3600
    assert during("video-evry-recorder", "recording_age", 40, 60).min() > 31
    assert during("video-evry-recorder", "recorder_disk", 50, 60).min() > 98
    assert during("video-massy-recorder", "recorder_disk", 0, 60).max() < 80


def test_a_day_s_crossings_balance_but_where_a_line_has_drifted() -> None:
    readings = emitted(2)
    sums = [
        readings["video-evry-agora", f"crossings_{way}"]["value"].sum() for way in ("in", "out")
    ]
    assert 0.4 < sums[1] / sums[0] < 0.6
    assert sums[0] > 3000
