"""One webhook call: its alerts are taken, what is wrong with it becomes a dead letter."""

import json
from collections.abc import Sequence

from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection
from hypervisor.external import queries, service
from hypervisor.external.model import DeliveryError, Kind, Problem, Receipt
from hypervisor.external.payload import decode
from hypervisor.readings import queries_dead_letters
from ingest.letters import make_dead_letters
from ingest.message import Arrival, Refused
from sensors._errors import Message

_KEPT = 4_096  # bytes of a delivery in a dead letter
_EXCERPT = 1_000  # characters shown to people
_WORKER = "hooks"


def take(  # noqa: PLR0913  who sends what, from where
    connection: Connection,
    kind: Kind,
    source: str,
    body: bytes,
    *,
    territory: Territory,
    now: int,
) -> Receipt:
    """Take a delivery in the caller's transaction; `territory`: the places it may name.

    Raises DeliveryError: it is unusable.
    """
    delivery = decode(body, now=now)
    receipt, problems = service.receive(connection, source, delivery, territory=territory, now=now)
    part = _write_part(problems)
    is_new = queries.record_delivery(
        connection,
        source,
        kind,
        at=now,
        raised=receipt.raised,
        refused=receipt.refused,
        usable=True,
        problem=str(problems[0].detail) if problems else None,
        excerpt=_make_excerpt(part),
    )
    if is_new:
        _store_letter(connection, f"hooks/{kind}/{source}", part, problems[0], now)
    return receipt


def refuse(  # noqa: PLR0913  what is known of a refusal
    connection: Connection,
    kind: Kind,
    source: str,
    body: bytes,
    error: DeliveryError,
    *,
    now: int,
) -> None:
    """Keep a delivery of which nothing could be used: its beginning, and why."""
    is_new = queries.record_delivery(
        connection,
        source,
        kind,
        at=now,
        raised=0,
        refused=0,
        usable=False,
        problem=str(error),
        excerpt=_make_excerpt(body),
    )
    if is_new:
        problem = Problem(reason=error.reason, detail=error.args[0])
        _store_letter(connection, f"hooks/{kind}/{source}", body[:_KEPT], problem, now)


def _store_letter(
    connection: Connection, topic: str, part: bytes, problem: Problem, now: int
) -> None:
    arrival = Arrival(topic=topic, payload=part, received_at=now)
    refused = Refused(arrival=arrival, reason=problem.reason, detail=Message(problem.detail))
    letters = make_dead_letters([refused], largest=_KEPT)
    queries_dead_letters.store_letters(connection, letters, _WORKER, again=True)


def _write_part(problems: Sequence[Problem]) -> bytes:
    """The first alert with a problem."""
    part = next((problem.part for problem in problems if problem.part is not None), None)
    return b"" if part is None else json.dumps(part).encode()[:_KEPT]


def _make_excerpt(body: bytes) -> str:
    """The beginning as text that a database and a page take."""
    text = body[:_EXCERPT].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)
