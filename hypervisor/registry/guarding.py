"""What a person set by hand is not taken back by a file that does not know of it."""

from hypervisor.base.errors import StaleError
from hypervisor.database.connect import Connection
from hypervisor.registry import queries_revisions
from hypervisor.registry.changes import Changes
from hypervisor.registry.revision_words import who
from hypervisor.registry.wording import shown

_GO_ON = (
    "write into the file what stands, or say --overwrite; `rules threshold log SITE NAME`"
    " shows what was said"
)


def refuse(connection: Connection, changes: Changes) -> None:
    """See that no threshold changes that somebody set alone since the last inventory.

    Raises:
        StaleError: some would; tells which, by whom they were set, when and why.
    """
    revisions = [revision for revision in changes.revisions if revision.kind == "threshold"]
    if not revisions:
        return
    by_hand = queries_revisions.set_by_hand(connection)
    conflicts = [
        f"{one.key}: the file says {shown(one.value)}, but {shown(by_hand[one.key].value)} was set"
        f" by {who(by_hand[one.key])}"
        for one in revisions
        if one.key in by_hand and by_hand[one.key].value != one.value
    ]
    if conflicts:
        raise StaleError(conflicts, _GO_ON)
