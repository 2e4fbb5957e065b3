"""The rule packs that came with this version, recorded as revisions when they say something new."""

import logging
from collections.abc import Iterable
from datetime import datetime

from hypervisor.rulebook import shipped
from hypervisor.store.connect import Connection
from rules._pack import Pack

log = logging.getLogger(__name__)


def record(connection: Connection, packs: Iterable[Pack], *, now: datetime | None) -> list[str]:
    """Add a revision for each rule whose pack changed since it was last recorded; return their ids.

    What a person revised meanwhile stays; it is logged.
    """
    found = shipped.record(connection, packs, now=now)
    for kept in found.kept:
        log.warning("%s", kept)
    return [revision.key for revision in found.revisions]
