"""Fits of these tests have few and coarse trees and a short search for GR4H, which show as much."""

from collections.abc import Iterator

import pytest

from hypervisor.forecast import candidates, runoff


@pytest.fixture(autouse=True, scope="package")
def _few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_TREES", 8)
        patch.setattr(candidates, "_BINS", 16)
        patch.setattr(runoff, "_DRAWS", 8)
        patch.setattr(runoff, "_STEPS", (0.3,))
        yield
