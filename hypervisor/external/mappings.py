"""The file of sources in force: read, applied, tried."""

from collections.abc import Sequence
from pathlib import Path

from hypervisor.access import queries as access_queries
from hypervisor.base.duties import Duty
from hypervisor.base.words import EXTERNAL_DOMAIN
from hypervisor.database.connect import Connection
from hypervisor.external import queries
from hypervisor.external.mapping import describe
from hypervisor.external.mapping_file import Mappings, read_mappings
from hypervisor.external.model import MappingError, Problem, Wording
from hypervisor.external.payload import decode
from sensors._domain import catalogue

FILE = "sources"  # what messages and the audit call it


def read_in_force(connection: Connection) -> Mappings:
    """How sources are read."""
    revision = queries.MAPPINGS.find_revision(connection)
    return Mappings() if revision is None else read_mappings(revision.text, file=FILE)


def apply(
    connection: Connection, file: Path, *, author: str, reason: str, dry_run: bool = False
) -> str:
    """Check a file and put it in force; what was done.

    Raises MappingError: it cannot be read. TerritoryError: an error in it. ActError: no reason.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError("{file} cannot be read: {error}", file, error) from error
    return apply_text(
        connection, text, file=str(file), author=author, reason=reason, dry_run=dry_run
    )


def apply_text(  # noqa: PLR0913  who, why and on what belong to a change
    connection: Connection,
    text: str,
    *,
    file: str,
    author: str,
    reason: str,
    dry_run: bool = False,
    seen: int | None = None,
) -> str:
    """Check the text of a file and put it in force; what was done. `seen`: as of a document.

    Raises TerritoryError: an error in it. ActError: the reason is missing.
    """
    sources, sites = queries.list_names(connection)
    mappings = read_mappings(
        text,
        file=file,
        sources=sources,
        sites=sites,
        domains=(EXTERNAL_DOMAIN, *catalogue().domains),
    )
    return queries.MAPPINGS.apply(
        connection,
        text,
        file=file,
        summary=f"{len(mappings.sources)} sources",
        subject=FILE,
        author=author,
        reason=reason,
        dry_run=dry_run,
        seen=seen,
    )


def preview(
    connection: Connection, source: str, body: bytes, *, now: int
) -> tuple[Sequence[Wording], Sequence[Problem]]:
    """The alarms that a body would make.

    Raises DeliveryError: it is unusable. NoAccountError: there is no such source.
    """
    delivery = decode(body, now=now)
    mapping = read_in_force(connection).of(source)
    account = access_queries.get_account(connection, source)
    person = access_queries.get_person(connection, account.id)
    places = queries.read_places(connection)[0].within(person.territory(Duty.SEND))
    return [describe(alert, mapping, places) for alert in delivery.alerts], delivery.problems
