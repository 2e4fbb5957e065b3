"""Tipping buckets: each its own, what falls is what they tell, and they say that they are there."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from simulators._story import SECOND
from simulators.weather import FINE, TIP, Bucket, tips
from tests.unit.simulators.small import place

MINUTE = 60 * SECOND
GAUGE = place("tipping-bucket", on_change=frozenset({"rain"}))


def buckets(count: int, seed: int = 1) -> list[Bucket]:
    return [Bucket.of(replace(GAUGE, device=f"bucket-{n}"), seed) for n in range(count)]


def test_each_bucket_is_its_own() -> None:
    """They do not all tip in the same minute, nor catch the same."""
    many = buckets(200)
    held = np.sort([bucket.held for bucket in many])
    assert np.abs(held - np.linspace(0, 1, 200)).max() < 0.12, "half full, full, or nearly empty"
    catch = np.array([bucket.catch for bucket in many])
    assert catch.mean() == pytest.approx(0.98, abs=0.006)
    assert catch.std() == pytest.approx(0.02, abs=0.005)
    assert catch.min() >= 0.9
    assert catch.max() <= 1.03
    assert many == buckets(200), "the same seed makes the same"
    assert len({bucket.held for bucket in (*many, *buckets(200, seed=2))}) == 400


def test_a_bucket_holds_what_its_make_does() -> None:
    assert Bucket.of(GAUGE, 1).tip == TIP
    assert Bucket.of(replace(GAUGE, on_change=frozenset()), 1).tip == FINE
    assert Bucket.of(replace(GAUGE, properties={"tip_mm": 0.5}), 1).tip == 0.5


def test_a_bucket_counts_whole_tips_and_keeps_the_rest() -> None:
    bucket = Bucket(tip=0.2, catch=1.0, held=0.5)
    fallen = np.array([0.0, 0.05, 0.11, 0.29, 0.31, 0.51, 10.0])
    assert bucket.counted(fallen) == pytest.approx([0, 0, 0.2, 0.2, 0.4, 0.6, 10.0])
    assert replace(bucket, catch=0.5).counted(np.array([0.22])) == pytest.approx([0.2])
    assert replace(bucket, held=0.0).counted(np.array([0.19, 0.21])) == pytest.approx([0, 0.2])


def test_when_a_bucket_tells() -> None:
    """At the start, each minute with a tip, and after an hour of none; what it told adds up."""

    def fallen(times: NDArray[np.int64]) -> NDArray[np.float64]:  # 0.4 mm in minute 90, 0.2 in 91
        minutes = (times - 5 * MINUTE) / MINUTE
        return np.where(minutes < 90, 0.0, np.where(minutes < 91, 0.41, 0.61))

    span = (5 * MINUTE, 5 * MINUTE + 240 * MINUTE)
    bucket = Bucket(tip=0.2, catch=1.0, held=0.0)
    at, told = tips(fallen, span, bucket, heartbeat=3600.0)
    assert ((at - span[0]) / MINUTE).tolist() == [0, 60, 90, 91, 151, 211]
    assert told.tolist() == [0, 0, 0.4, 0.2, 0, 0]
    at, told = tips(fallen, span, bucket, heartbeat=1800.0)
    assert ((at - span[0]) / MINUTE).tolist() == [0, 30, 60, 90, 91, 121, 151, 181, 211]
    for heartbeat in (60.0, 20.0):  # each minute, if not oftener
        at, _ = tips(fallen, span, bucket, heartbeat=heartbeat)
        assert len(at) == 241
