"""A web process on the private database, and a token that may read everything."""

import subprocess
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_tokens, secrets
from hypervisor.base.duties import Duty, Role
from hypervisor.base.settings import Settings
from hypervisor.bench.servers import run_part
from hypervisor.database.connect import connect


def add_token(settings: Settings) -> str:
    """A token of an account that may read everything."""
    secret, now = secrets.generate_token(), datetime.now(UTC)
    with connect(settings.database_url) as connection:
        number = access_queries.insert_account(
            connection, name="bench", title="Bench", password=None, language=None
        )
        queries_roles.replace_roles(connection, number, [(Role.VIEWER, None)])
        queries_tokens.insert_token(
            connection,
            account=number,
            secret=secrets.digest(secret),
            prefix=secret[: secrets.VISIBLE_LENGTH],
            name="bench",
            scopes=[Duty.READ],
            created_at=now,
            ends_at=now + timedelta(days=1),
        )
    return secret


def run_web(
    settings: Settings, port: int, file: Path
) -> "AbstractContextManager[subprocess.Popen[bytes]]":
    """A `hypervisor web`, until the context ends."""
    return run_part(settings, "web", file, HYPERVISOR_WEB_PORT=str(port))
