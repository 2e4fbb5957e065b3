"""What the endpoints stand on: the store, the catalogue, the clock, and which mode this is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from hypervisor.api.shapes import Banner
from hypervisor.instance import Instance, Mode
from hypervisor.store import instance as instance_store
from hypervisor.store import observing
from hypervisor.store.connect import Connection, StoreError
from hypervisor.store.pool import Pool
from sensors._domain import Catalogue
from sensors._quality import Quality


@dataclass(frozen=True, kw_only=True)
class Access:
    """One request's view. `clock` is the wall's."""

    connection: Connection
    catalogue: Catalogue
    instance: Instance
    clock: Callable[[], datetime]

    @property
    def mode(self) -> Banner:
        return "EXERCICE" if self.instance.mode is Mode.EXERCISE else "LIVE"

    def now(self) -> datetime:
        """Now; in an exercise, where its scenario stands."""
        if self.instance.mode is Mode.LIVE:
            return self.clock()
        return observing.progress(self.connection).heard_to or self.clock()


def access(request: Request) -> Iterator[Access]:
    """A connection for this request."""
    state = request.app.state
    pool: Pool = state.pool
    with pool.connection() as connection:
        yield Access(
            connection=connection,
            catalogue=state.catalogue,
            instance=_instance(request, connection),
            clock=state.clock,
        )


def _instance(request: Request, connection: Connection) -> Instance:
    """Read once: an instance never changes its mode."""
    known: Instance | None = getattr(request.app.state, "instance", None)
    if known is None:
        known = instance_store.read(connection)
        if known is None:
            raise StoreError("this database has not been said to be live or an exercise")
        request.app.state.instance = known
        request.app.state.banner = known.mode.banner
    return known


Asked = Annotated[Access, Depends(access)]


def flags(quality: int | None) -> list[str]:
    """A quality in words; empty is good."""
    return [
        flag.name.lower().replace("_", "-")
        for flag in Quality(quality or 0)
        if flag.name is not None
    ]
