"""A web process of the bench's own database, and somebody who may look at everything."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_tokens, secrets
from hypervisor.base.duties import Duty, Role
from hypervisor.base.settings import Settings
from hypervisor.bench.ingest import BenchError
from hypervisor.database.connect import connect


def token(settings: Settings) -> str:
    """Of somebody who sees everything."""
    secret, now = secrets.new_token(), datetime.now(UTC)
    with connect(settings.database_url) as connection:
        number = access_queries.add(
            connection, name="bench", title="Bench", password=None, language=None
        )
        queries_roles.give(connection, number, [(Role.VIEWER, None)])
        queries_tokens.add(
            connection,
            account=number,
            secret=secrets.digest(secret),
            shown=secret[: secrets.SHOWN],
            name="bench",
            scopes=[Duty.READ],
            made_at=now,
            ends_at=now + timedelta(days=1),
        )
    return secret


@contextmanager
def web(settings: Settings, port: int, file: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A `hypervisor web`, until the context ends."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HYPERVISOR_")}
    environment = {
        "HYPERVISOR_DATABASE_URL": settings.database_url,
        "HYPERVISOR_WEB_PORT": str(port),
    }
    with file.open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hypervisor", "--data", str(settings.data), "web"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**kept, **environment},
        )
        try:
            yield process
            if process.poll() is not None:
                raise BenchError(f"the web process ended: {file.read_text()[-2000:]}")
        finally:
            process.terminate()
            process.wait()
