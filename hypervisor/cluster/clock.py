"""The clocks of the three machines, compared: which of them is wrong.

Each asks the other two over UDP what time it is, with a proof that it knows the plan. A machine
that differs from two others that agree is wrong; it then acts as if it were lost.
"""

import hashlib
import hmac
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from hypervisor.broker.errors import StackError
from hypervisor.cluster.plan import Machine, Member

LIMIT_SECONDS = 2.0  # that a clock may differ
ASK_SECONDS = 0.5  # between two questions
_FRESH_SECONDS = 3.0  # after which an answer says nothing any more
_ALIKE = 2  # comparisons in a row that must say the same
_ASK, _ANSWER = 0, 1
_BODY = struct.Struct("!BB8sq")  # kind, machine, number of the question, µs since 1970
_PROOF_BYTES = 32
_TRIES = 2


@dataclass(frozen=True, kw_only=True)
class Offset:
    """How far our clock is ahead of another machine's, in seconds, and when that was seen."""

    seconds: float
    uncertainty: float
    seen: float  # on the monotonic clock

    def exceeds(self, limit: float) -> bool:
        return abs(self.seconds) - self.uncertainty > limit


def is_wrong(offsets: Mapping[int, Offset], *, before: bool, limit: float = LIMIT_SECONDS) -> bool:
    """Whether our clock is wrong: two others agree, and it differs from both.

    `before`: it was. It then stays wrong until it agrees with another machine.
    """
    if any(not offset.exceeds(limit) for offset in offsets.values()):
        return False
    if before or len(offsets) < 2:
        return before
    first, second = offsets.values()
    apart = abs(first.seconds - second.seconds) - first.uncertainty - second.uncertainty
    return apart <= limit


def ask_offset(member: Member, machine: Machine, *, seconds: float = 2.0) -> Offset | None:
    """How far our clock is ahead of another machine's, asked once; None: no answer in time."""
    kind = socket.AF_INET6 if ":" in machine.address else socket.AF_INET
    key = _make_key(member)
    with socket.socket(kind, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds / _TRIES)
        for _ in range(_TRIES):
            question, sent = os.urandom(8), time.monotonic()
            body = _BODY.pack(_ASK, member.machine.number, question, 0)
            try:
                asking.sendto(
                    body + _prove(_make_key(member), body),
                    (machine.address, member.plan.ports.clock),
                )
                answer = asking.recv(1024)
            except OSError:  # lost, or the port is closed
                continue
            offset = _read_answer(key, answer, question, machine.number, sent)
            if offset is not None:
                return offset
    return None


def _read_answer(
    key: bytes, message: bytes, question: bytes, number: int, sent: float
) -> Offset | None:
    now, body = time.monotonic(), message[:-_PROOF_BYTES]
    if len(body) != _BODY.size or not hmac.compare_digest(message[len(body) :], _prove(key, body)):
        return None
    kind, answering, answered, micros = _BODY.unpack(body)
    if (kind, answering, answered) != (_ANSWER, number, question):
        return None
    way = (now - sent) / 2
    return Offset(seconds=time.time() - way - micros / 1e6, uncertainty=way, seen=now)


def _make_key(member: Member) -> bytes:
    return hashlib.sha256(f"clocks {member.plan.secrets.broker}".encode()).digest()


def _prove(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")


@dataclass(kw_only=True)
class ClockWatch:
    """Asks, answers and judges; its owner calls `tend` several times a second. Nothing blocks."""

    member: Member
    clock: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    wrong: bool = False
    _socket: socket.socket = field(init=False, repr=False)
    _key: bytes = field(init=False, repr=False)
    _offsets: dict[int, Offset] = field(default_factory=dict, init=False)
    _questions: dict[bytes, float] = field(default_factory=dict, init=False)  # question -> when
    _next: float = field(default=float("-inf"), init=False)
    _differing: int = field(default=0, init=False)  # comparisons in a row against `wrong`

    def __post_init__(self) -> None:
        """Raises StackError: the machine's address or port cannot be had."""
        self._key = _make_key(self.member)
        address, port = self.member.machine.address, self.member.plan.ports.clock
        self._socket = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
        )
        self._socket.settimeout(0)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise StackError(
                f"machine {self.member.machine.number} of the cluster cannot use {address}, UDP"
                f" port {port}: {error.strerror}; is this the machine, and its address set up?"
            ) from error

    def close(self) -> None:
        self._socket.close()

    @property
    def offsets(self) -> Mapping[int, Offset]:
        """By machine, of those that answered lately."""
        since = self.ticks() - _FRESH_SECONDS
        return {number: each for number, each in self._offsets.items() if each.seen >= since}

    def tend(self) -> None:
        """Answer the others, take their answers, and ask when it is time."""
        with suppress(OSError):  # nothing more to read, or an answer that a lost machine refused
            while True:
                message, sender = self._socket.recvfrom(1024)
                self._read(message, sender)
        if self.ticks() >= self._next:
            self._next = self.ticks() + ASK_SECONDS
            self._judge()
            self._ask()

    def _judge(self) -> None:
        judged = is_wrong(self.offsets, before=self.wrong)
        self._differing = self._differing + 1 if judged != self.wrong else 0
        if self._differing >= _ALIKE:
            self.wrong, self._differing = judged, 0

    def _ask(self) -> None:
        old = self.ticks() - _FRESH_SECONDS
        self._questions = {question: at for question, at in self._questions.items() if at > old}
        for other in self.member.others:
            question = os.urandom(8)
            self._questions[question] = self.ticks()
            self._send(_ASK, question, (other.address, self.member.plan.ports.clock))

    def _read(self, message: bytes, sender: tuple[str, int]) -> None:
        body, proof = message[:-_PROOF_BYTES], message[-_PROOF_BYTES:]
        if len(body) != _BODY.size or not hmac.compare_digest(proof, _prove(self._key, body)):
            return
        kind, number, question, micros = _BODY.unpack(body)
        if kind == _ASK:
            self._send(_ANSWER, question, sender)
            return
        sent = self._questions.pop(question, None)
        if sent is None or number == self.member.machine.number:
            return
        way = (self.ticks() - sent) / 2
        self._offsets[number] = Offset(
            seconds=self.clock() - way - micros / 1e6, uncertainty=way, seen=self.ticks()
        )

    def _send(self, kind: int, question: bytes, to: tuple[str, int]) -> None:
        micros = round(self.clock() * 1e6)
        body = _BODY.pack(kind, self.member.machine.number, question, micros)
        with suppress(OSError):  # no way there now
            self._socket.sendto(body + _prove(self._key, body), to)
