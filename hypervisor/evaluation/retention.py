"""How far back the past is judged, and the journal before that, which nobody can ask for."""

from dataclasses import replace

from hypervisor.alarms.queries import Pair
from hypervisor.database.connect import Connection
from hypervisor.evaluation import queries
from hypervisor.evaluation.memory import Memory
from hypervisor.readings import queries_history
from rules._rule_state import Phase, StateChange
from sensors._row import NEVER

# Of the inactive moment that a journal now begins with: judging does not go back behind it.
FORGOTTEN = "what was before is kept no longer"


def revision_horizon(memory: Memory) -> int:
    """The revision horizon: raw retention less the longest look-back; older is not judged."""
    if memory.watermark.floor == NEVER:
        return NEVER
    return (
        memory.watermark.floor
        - memory.power_schedule.retention
        + max(memory.territory.longest.values(), default=0)
    )


def earliest(memory: Memory, pair: Pair) -> int:
    """From when on (µs) a pair can be judged: anywhen, while all that it was judged on is kept."""
    journal = memory.standings[pair].open
    return revision_horizon(memory) if journal and journal[0].reason == FORGOTTEN else NEVER


def prune(connection: Connection, memory: Memory) -> int:
    """Delete the journal before the horizon, in a transaction of its own; how many moments.

    Of each pair the last inactive moment before it stays, from which an alarm that lasts is told.
    Imported history is kept for good, and so is the journal that was judged on it. Alarms and
    transitions stay always.
    """
    horizon = revision_horizon(memory)
    if horizon <= 0:
        return 0
    with connection.transaction():
        imported = queries_history.list_imported_series(
            connection, memory.watermark.floor - memory.power_schedule.retention
        )
        spared = {
            pair for pair, heard in memory.territory.listens.items() if heard.keys() & imported
        }
        gone = queries.prune_states(connection, horizon, mark=FORGOTTEN, spared=sorted(spared))
    for pair, standing in memory.standings.items():
        if pair not in spared and standing.open and _begins(standing.open[0], horizon):
            standing.open[0] = replace(standing.open[0], reason=FORGOTTEN)
    return gone


def _begins(moment: StateChange, horizon: int) -> bool:
    return moment.phase is Phase.INACTIVE and moment.time < horizon
