"""Revisions of rules: what the packs last said, and what they say now."""

from collections.abc import Mapping
from typing import Any

from hypervisor.store.connect import Connection

PACK = "pack"  # the author of what a pack's file says


def last_of_packs(connection: Connection) -> Mapping[str, Any]:
    """What each rule's latest revision by a pack says; None where its pack withdrew it."""
    rows = connection.execute(
        "SELECT DISTINCT ON (key) key, value FROM revision"
        " WHERE kind = 'rule' AND author = %s ORDER BY key, id DESC",
        [PACK],
    )
    return dict(rows.fetchall())
