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
