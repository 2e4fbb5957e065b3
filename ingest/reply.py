"""What becomes of one message of another form than native JSON."""

from dataclasses import dataclass, field

from ingest.message import Acknowledgement, Arrival, Envelope, Reason, Refused
from sensors._errors import Message

Value = float | bool | None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why something cannot be used, before it is known of which message it is."""

    reason: Reason
    detail: Message

    def of(self, arrival: Arrival, device: str = "") -> Refused:
        return Refused(arrival=arrival, reason=self.reason, detail=self.detail, device=device)


class UnusableError(Exception):
    """Ends the reading of a message; its `refusal` becomes the dead letter's reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def unusable(reason: Reason, template: str, /, *values: object) -> UnusableError:
    """What to raise where a message cannot be used: a message's template and values."""
    return UnusableError(Refusal(reason=reason, detail=Message(template, *values)))


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a message says, each part beside the device that it is of; and what is refused of it.

    Neither: there was nothing to store (a frame of the radio's own business, say).
    `warnings`: what a codec has to say about its own work.
    """

    envelopes: list[tuple[str, Envelope]] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


@dataclass(kw_only=True)
class ParsedPayload:
    """A payload read: values by quantity, their units, their status; and what is refused.

    `left`: fields that no mapping names.
    """

    values: dict[str, Value] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
