"""The towns of the publications, whose public page is open, live and as an exercise."""

from tests.integration.publications.conftest import drill, live, make_room

__all__ = ["drill", "live", "make_room"]
