"""A stand-in for Grafana that is served, fresh for every test."""

from collections.abc import Iterator

import pytest

from tests.integration.grafana.pushing.fake_grafana import World, serving


@pytest.fixture
def world() -> Iterator[World]:
    with serving(World()) as made:
        yield made
