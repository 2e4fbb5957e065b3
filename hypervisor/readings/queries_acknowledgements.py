"""Acknowledgements of commands, stored with the batch they came in."""

from collections.abc import Iterable, Mapping

from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from ingest.message import Acknowledgement, Reason, Refused
from sensors._errors import Message

# By what the function `acknowledge_command` answers (schema 0110).
_REFUSALS: Mapping[str, str] = {
    "unknown": "no command has the key {key}",
    "another": "the command {key} is another device's",
    "unsent": "the command {key} was never sent",
}


def store(connection: Connection, acknowledgements: Iterable[Acknowledgement]) -> list[Refused]:
    """Record them in the caller's transaction; those of no command of the device come back."""
    refused = []
    for each in sorted(acknowledgements, key=lambda each: each.key):  # as everybody locks them
        row = connection.execute(
            "SELECT acknowledge_command(%s, %s, %s, %s, %s)",
            [
                *(each.key, each.device, each.state),
                *(moment(each.arrival.received_at), each.reason or each.state),
            ],
        ).fetchone()
        answer = None if row is None else row[0]
        if answer == "unknown" and each.relayed:
            continue
        if answer is not None:
            detail = Message(_REFUSALS[answer], each.key)
            refused.append(
                Refused(
                    arrival=each.arrival,
                    reason=Reason.UNKNOWN_COMMAND,
                    detail=detail,
                    device=each.device,
                )
            )
    return refused
