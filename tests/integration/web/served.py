"""The application behind a real server on loopback, and people who are signed in to it."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from socket import socket
from threading import Thread

import httpx
import uvicorn

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_sessions, secrets
from hypervisor.access.identity import CSRF_HEADER, cookie_name
from hypervisor.app.application import create_app
from hypervisor.base.duties import Role
from hypervisor.base.settings import Settings
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK, listen
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import CATALOGUE

NOW = datetime(2024, 1, 2, tzinfo=UTC)
_TLS = ssl.create_default_context()  # each client would read the machine's certificates again
Roles = Sequence[tuple[str, str | None]]
EVERYTHING: Roles = (("administrator", None),)


def session(url: str, name: str = "anne", roles: Roles = EVERYTHING, *, now: datetime = NOW) -> str:
    """What the browser of an account shows; the account is made if there is none."""
    with connect(url) as connection:
        known = {one.name: one.id for one in access_queries.list_accounts(connection)}
        number = known.get(name) or access_queries.insert_account(
            connection, name=name, title=name.title(), password=None, language=None
        )
        queries_roles.replace_roles(
            connection, number, [(Role(role), area) for role, area in roles]
        )
        secret = secrets.generate_session()
        opened = queries_sessions.Session(
            secret=secrets.digest(secret),
            account=number,
            created_at=now,
            seen_at=now,
            ends_at=now + timedelta(days=1),
            address="test",
            browser="test",
            confirmed_at=now,
        )
        queries_sessions.insert_session(connection, opened)
    return secret


@cache
def cookie(url: str) -> str:
    """The name of the session's cookie."""
    with connect(url) as connection:
        instance = instance_store.read(connection)
    assert instance is not None
    return cookie_name(instance, secure=False)


def signed_in(
    base: str, url: str, name: str = "anne", roles: Roles = EVERYTHING, *, now: datetime = NOW
) -> httpx.Client:
    """A client of somebody, that sends its CSRF token with all it asks."""
    secret = session(url, name, roles, now=now)
    return httpx.Client(
        base_url=base,
        cookies={cookie(url): secret},
        headers={CSRF_HEADER: secrets.derive_csrf_token(secret)},
        timeout=30,
        verify=_TLS,
    )


@contextmanager
def server(
    url: str,
    *,
    now: datetime = NOW,
    clock: Callable[[], datetime] | None = None,
    settings: Settings | None = None,
) -> Iterator[str]:
    """The application on `url`'s database; its address. `settings`: where it has a folder.

    `clock`: one that goes on, in place of `now`.
    """
    own = settings or Settings(database_url=url, data=Path("/nonexistent"))
    app = create_app(own, CATALOGUE, clock or (lambda: now))
    config = uvicorn.Config(app, log_level="critical", timeout_keep_alive=60)
    with running_on(listen(0), config) as base:
        yield base


@contextmanager
def running_on(listener: socket, config: uvicorn.Config) -> Iterator[str]:
    """A server on a socket that listens already, in a thread, until the context ends; its address.

    No other process can have taken the port meanwhile; who comes early waits in its queue.
    """
    running = uvicorn.Server(config)
    thread = Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert wait_until(lambda: running.started or not thread.is_alive(), seconds=60)
        assert running.started
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def serving(
    url: str, name: str | None = "anne", roles: Roles = EVERYTHING
) -> Iterator[httpx.Client]:
    """A client of somebody who is signed in (None: of nobody), by default as administrator."""
    with server(url) as base:
        made = (
            httpx.Client(base_url=base, timeout=30, verify=_TLS)
            if name is None
            else signed_in(base, url, name, roles)
        )
        with made as client:
            yield client
