"""Active alarms that no evaluation reaches any more: they end, with the reason.

An upgrade or an inventory may remove what a rule needs at a subject: its text can no longer be
read, its quantity is gone, its device moved. Then nothing evaluates the pair, and nothing else
would end its alarm.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from hypervisor.alarms import queries as alarm_queries
from hypervisor.alarms.log import Alarm, Transition, as_text
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries
from hypervisor.evaluation.memory import Memory
from hypervisor.evaluation.setbacks import concerns, run_each_isolated
from hypervisor.notifications import queries_outbox
from hypervisor.notifications.events import build_events
from rules._conditions import Ending
from rules._rule_state import Phase, StateChange, Truth
from sensors._errors import Message
from sensors._row import NEVER

log = logging.getLogger(__name__)


def end_leftovers(
    connection: Connection, memory: Memory, *, now: int
) -> tuple[Sequence[Alarm], Sequence[Transition]]:
    """End them in the caller's transaction, with their notifications; what was written.

    A withdrawn rule's alarm ends when the withdrawal came into force, any other when evaluation
    first found nothing to evaluate it with. `now`: when it is noticed (µs).
    """
    left = [
        alarm
        for alarm in alarm_queries.list_active(connection, sorted(memory.shards))
        if _is_left(memory, alarm)
    ]
    done = [*run_each_isolated(left, lambda alarm: _end(memory, alarm, now), _report)]
    if not done:
        return (), ()
    alarms = [alarm for alarm, _, _ in done]
    transitions = [transition for _, transition, _ in done]
    states = {(alarm.episode.rule, alarm.episode.subject): state for alarm, _, state in done}
    queries.replace_states(
        connection,
        {pair: state.time for pair, state in states.items()},
        [(pair, (state,)) for pair, state in states.items()],
    )
    alarm_queries.save(connection, alarms, transitions)
    queries_outbox.put_events(connection, build_events(transitions, alarms))
    return alarms, transitions


def _report(alarm: Alarm, error: Exception) -> None:
    log.warning("alarm %s, which nothing evaluates, cannot be ended", alarm.id, exc_info=error)


def _is_left(memory: Memory, alarm: Alarm) -> bool:
    """Whether nothing evaluates it; what is set aside waits to be mended."""
    pair = alarm.episode.rule, alarm.episode.subject
    if pair in memory.territory.revisions:
        return False
    aside = {**memory.territory.failed, **memory.setbacks.now, **memory.setbacks.trying}
    return not any(concerns(each, pair, alarm.place) for each in aside)


def _find_end(memory: Memory, alarm: Alarm, now: int) -> tuple[int, str]:
    """When (µs) it ends, and why."""
    rule, key = alarm.episode.rule, alarm.episode.subject
    history = memory.territory.rules.get(rule)
    subject = memory.territory.subjects.get(key)
    reached = memory.state.evaluated_to if memory.state.evaluated_to > NEVER else now
    if history is None:
        return reached, Ending.WITHDRAWN
    last, written = history.written[-1]
    if written is None:
        return min(last, reached), Ending.WITHDRAWN
    if subject is None:
        return reached, Message("{subject} is no longer registered", key)
    lacks = history.lacks(history.rules[-1], subject) if history.rules else None
    if lacks is None:
        return reached, Ending.WITHDRAWN
    return reached, Message("the rule no longer applies: {reason}", lacks)


def _end(memory: Memory, alarm: Alarm, now: int) -> tuple[Alarm, Transition, StateChange]:
    """The alarm as it ends, and the state from which a rule that comes back goes on.

    It never was, where its rule ended before it began.
    """
    at, why = _find_end(memory, alarm, now)
    reason = "".join(why)  # kept as text
    if at > alarm.episode.began:
        kind, event = "cleared", at
        ended = replace(alarm, episode=replace(alarm.episode, ended=at, reason=reason), changed=now)
    else:
        kind, event = "withdrawn", alarm.episode.began
        ended = replace(alarm, withdrawn=now, changed=now)
    return (
        ended,
        Transition(
            alarm=alarm.id,
            kind=kind,
            event=event,
            noticed=now,
            reason=reason,
            snapshot=as_text(ended),
        ),
        StateChange(
            time=at, phase=Phase.INACTIVE, when=Truth.UNKNOWN, clear=Truth.UNKNOWN, reason=reason
        ),
    )
