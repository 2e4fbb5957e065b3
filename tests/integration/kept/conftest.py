"""One database for tests that commit nothing, as the store's tests have it."""

from tests.integration.database.conftest import connection, shared_url

__all__ = ["connection", "shared_url"]
