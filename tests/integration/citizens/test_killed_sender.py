"""A sender that is killed while it sends to thousands: each has the warning, few have it twice."""

import json
import subprocess
import sys

import pytest

from tests.documents import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("channel", ["mail", "push"])
def test_nobody_is_left_out_and_twice_comes_only_what_was_on_its_way(channel: str) -> None:
    command = [sys.executable, "-m", "benchmarks", "subscribers", "--json", "--kills", "8"]
    done = subprocess.run(
        [*command, "--channel", channel], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["subscribers"], figures["never"], figures["waiting"]) == (10_000, 0, 0)
    assert figures["twice"] <= figures["on_their_way"]


@pytest.mark.timeout(900)
def test_hostile_subscriptions_delay_no_honest_one_by_more_than_a_minute() -> None:
    command = [sys.executable, "-m", "benchmarks", "besieged", "--json", "--kills", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["honest"], figures["attackers"], figures["never"]) == (1_000, 1_000, 0)
    assert figures["latest_s"] <= 60
