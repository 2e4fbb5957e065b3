"""Fits of these tests have few and coarse trees: what they show does not need sixty."""

from collections.abc import Iterator

import pytest

from hypervisor.forecast import candidates


@pytest.fixture(autouse=True, scope="package")
def _few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_TREES", 8)
        patch.setattr(candidates, "_BINS", 16)
        yield
