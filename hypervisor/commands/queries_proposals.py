"""SQL of proposed commands: what current alarms ask for, what became of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hypervisor.commands.queries import NOW
from hypervisor.database.connect import Connection, fetch
from sensors._command import Value


@dataclass(frozen=True, kw_only=True)
class CurrentAlarm:
    """An active alarm of a rule. `place`: its subject's site, by name."""

    id: int
    rule: str
    place: str | None


@dataclass(frozen=True, kw_only=True)
class NewProposal:
    """A command that an alarm asks for. `site`: where its target stands."""

    alarm: int
    rule: str
    kind: str
    parameters: Mapping[str, Value]
    target: str
    site: str
    automatic: bool


@dataclass(frozen=True, kw_only=True)
class Proposal(NewProposal):
    """A row of the table. `held`: why an automatic one waits; `command`: what was ordered of it.

    `title`, `began`, `subject` and its `place` are the alarm's; None where the reader does not see
    it. `barred`: why only people may order it.
    """

    id: int
    site_title: str
    commune: str | None
    proposed_at: datetime
    held: str | None
    ended_at: datetime | None
    end_reason: str | None
    command: UUID | None
    title: str | None
    title_fr: str | None
    began: datetime | None
    subject: str | None
    place: str | None
    barred: str | None

    @property
    def open(self) -> bool:
        return self.ended_at is None and self.command is None


_CURRENT = "a.ended IS NULL AND a.withdrawn IS NULL AND a.closing IS NULL"
_ALARMS = f"""
SELECT a.id, a.rule, s.name AS place FROM alarm a LEFT JOIN site s ON s.id = a.site
WHERE {_CURRENT} AND a.source IS NULL AND a.rule = ANY (%s) ORDER BY a.id
"""  # noqa: S608  a constant
_PROPOSALS: LiteralString = (
    "SELECT p.id, p.alarm, p.rule, p.kind, p.parameters, p.target, s.name AS site,"
    " s.title AS site_title, s.commune, p.automatic, p.proposed_at, p.held, p.ended_at,"
    " p.end_reason, p.command, a.title, a.title_fr, a.began, a.subject, h.name AS place, p.barred"
    " FROM command_proposal p JOIN site s ON s.id = p.site LEFT JOIN alarm a ON a.id = p.alarm"
    " LEFT JOIN site h ON h.id = a.site "
)
_WAITS: LiteralString = "p.ended_at IS NULL AND p.command IS NULL"
# An alarm that goes on after all takes up what was withdrawn; what was ordered stays as it is.
_PROPOSE = f"""
INSERT INTO command_proposal (alarm, rule, kind, parameters, target, site, automatic, proposed_at)
SELECT a.id, a.rule, %(kind)s, %(parameters)s, %(target)s, s.id, %(automatic)s, {NOW}
FROM alarm a, site s WHERE a.id = %(alarm)s AND s.name = %(site)s AND {_CURRENT}
ON CONFLICT (alarm, kind, target) DO UPDATE SET ended_at = NULL, end_reason = NULL
    WHERE command_proposal.ended_at IS NOT NULL AND command_proposal.command IS NULL
"""  # noqa: S608  constants
_BAR = f"""
INSERT INTO command_proposal (alarm, rule, kind, parameters, target, site, automatic, proposed_at,
    ended_at, end_reason, barred)
SELECT a.id, a.rule, %(kind)s, %(parameters)s, %(target)s, s.id, true, {NOW},
    {NOW}, %(why)s, %(why)s
FROM alarm a, site s WHERE a.id = %(alarm)s AND s.name = %(site)s
ON CONFLICT (alarm, kind, target) DO UPDATE SET barred = EXCLUDED.barred
    WHERE command_proposal.barred IS NULL AND command_proposal.command IS NULL
"""  # noqa: S608  constants
_WITHDRAW = f"""
UPDATE command_proposal p SET ended_at = {NOW}, end_reason = %s
WHERE p.ended_at IS NULL AND p.command IS NULL AND NOT EXISTS (
    SELECT FROM alarm a WHERE a.id = p.alarm AND {_CURRENT})
"""  # noqa: S608  constants


def list_current_alarms(connection: Connection, rules: Collection[str]) -> list[CurrentAlarm]:
    """The active alarms of these rules; those that are being closed by hand are left out."""
    return fetch(connection, CurrentAlarm, _ALARMS, [sorted(rules)])


def list_answered(connection: Connection, alarms: Collection[int]) -> set[tuple[int, str, str]]:
    """Alarm, kind and target of what is proposed, or was ordered, on these alarms."""
    rows = connection.execute(
        "SELECT alarm, kind, target FROM command_proposal"
        " WHERE alarm = ANY (%s) AND (ended_at IS NULL OR command IS NOT NULL)",
        [list(alarms)],
    )
    return {(alarm, kind, target) for alarm, kind, target in rows}


def propose(connection: Connection, proposals: Iterable[NewProposal]) -> None:
    """Record proposals on alarms that are active; one that is there stays as it is."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _PROPOSE,
            [{**vars(each), "parameters": Jsonb(dict(each.parameters))} for each in proposals],
        )


def withdraw_over(connection: Connection, reason: str) -> int:
    """Withdraw what was proposed on alarms that are over; how many."""
    return connection.execute(_WITHDRAW, [reason]).rowcount


def withdraw(connection: Connection, numbers: Collection[int], reason: str) -> None:
    """Withdraw these."""
    connection.execute(
        f"UPDATE command_proposal SET ended_at = {NOW}, end_reason = %s"  # noqa: S608  a constant
        " WHERE id = ANY (%s) AND ended_at IS NULL AND command IS NULL",
        [reason, list(numbers)],
    )


def list_proposals(
    connection: Connection,
    *,
    alarm: int | None = None,
    site: str | None = None,
    limit: int | None = None,
) -> list[Proposal]:
    """Those that wait, of the latest alarm first; of a site: on its alarms, or of its devices."""
    conditions: dict[LiteralString, Any] = {
        "p.alarm = %s": alarm,
        "(s.name = %s OR h.name = %s)": site,
    }
    given = {words: value for words, value in conditions.items() if value is not None}
    where: LiteralString = " AND ".join([_WAITS, *given])
    values = [value for words, value in given.items() for _ in range(words.count("%s"))]
    query: LiteralString = f"{_PROPOSALS}WHERE {where} ORDER BY p.alarm DESC, p.id LIMIT %s"
    return _read(connection, query, [*values, limit])


def list_automatic(connection: Connection, fresh: timedelta) -> list[Proposal]:
    """The automatic ones that wait: on alarms that begin now, or without a reason why."""
    query: LiteralString = (
        f"{_PROPOSALS}WHERE {_WAITS} AND p.automatic"
        f" AND (p.held IS NULL OR a.began > {NOW} - %s) ORDER BY p.id"
    )
    return _read(connection, query, [fresh])


def bar(connection: Connection, proposals: Iterable[NewProposal], reason: str) -> None:
    """Leave it to people to order these, now or later; what is not proposed yet stays so."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _BAR,
            [
                {**vars(each), "parameters": Jsonb(dict(each.parameters)), "why": reason}
                for each in proposals
            ],
        )


def lock_proposal(connection: Connection, number: int) -> Proposal | None:
    """One, until the transaction ends; None: there is none."""
    rows = _read(connection, f"{_PROPOSALS}WHERE p.id = %s FOR UPDATE OF p", [number])
    return rows[0] if rows else None


def find_proposal(connection: Connection, number: int) -> Proposal | None:
    """One that the connection sees."""
    rows = _read(connection, f"{_PROPOSALS}WHERE p.id = %s", [number])
    return rows[0] if rows else None


def _read(connection: Connection, query: LiteralString, values: list[Any]) -> list[Proposal]:
    with connection.cursor(row_factory=class_row(Proposal)) as cursor:
        return cursor.execute(query, values).fetchall()


def note_ordered(connection: Connection, number: int, command: UUID) -> None:
    """What was ordered of it."""
    connection.execute(
        "UPDATE command_proposal SET command = %s, held = NULL WHERE id = %s", [command, number]
    )


def hold(connection: Connection, number: int, why: str) -> None:
    """Say why an automatic one waits for a person."""
    connection.execute(
        "UPDATE command_proposal SET held = %(why)s"
        " WHERE id = %(number)s AND held IS DISTINCT FROM %(why)s",
        {"number": number, "why": why},
    )
