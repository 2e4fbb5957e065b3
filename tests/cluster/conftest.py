"""Fixtures of other tests that a cluster's take, too."""

from tests.acceptance.conftest import exercise

__all__ = ["exercise"]
