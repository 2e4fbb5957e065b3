"""Whether devices and official services alone have raised an alarm, and when.

The rule is evaluated once more, on what they sent and with the facts in force now: what people
entered, corrected, moved, imported or edited can keep a rule from sending, and never make it send.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypervisor.backtest import registries
from hypervisor.backtest.edits import RETENTION
from hypervisor.backtest.evaluate import Inputs, backtest
from hypervisor.backtest.model import Span
from hypervisor.backtest.sources import FOREVER, StoredSource
from hypervisor.base.failures import make_storable
from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.commands.queries_proposals import Proposal
from hypervisor.database.connect import Connection
from hypervisor.readings import queries_history
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._row import Rows

_AGAIN = 5.0  # s until an alarm is judged again: what it lacks may arrive

log = logging.getLogger("hypervisor.commands")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """When the alarm began for its rule to send on it; `obstacle`: why its rule does not."""

    began: datetime | None = None
    obstacle: Message | None = None


@dataclass(frozen=True, kw_only=True)
class SentSource(StoredSource):
    """What devices and official services sent."""

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        before = None if until == FOREVER else until + 1
        spans = [(number, max(since, BEGINNING), before) for number in series]
        return queries_history.split_by_series(
            queries_history.read_sent_spans(self.connection, spans)
        )


@dataclass(kw_only=True)
class Judge:
    """Judges the alarms of armed rules, each every few seconds; `ticks`: a steady clock in s."""

    catalogue: Catalogue
    fresh: timedelta
    ticks: Callable[[], float] = time.monotonic
    _verdicts: dict[tuple[int, bool], tuple[float, Verdict]] = field(default_factory=dict)

    def forget_others(self, alarms: set[int]) -> None:
        """Keep what is known of these alarms alone."""
        self._verdicts = {key: each for key, each in self._verdicts.items() if key[0] in alarms}

    def looked_at(self, proposal: Proposal, *, persons: bool) -> float:
        """When its alarm was judged last; 0: never."""
        return self._verdicts.get((proposal.alarm, persons), (0.0, Verdict()))[0]

    def judge(
        self,
        connection: Connection,
        registry: Registry,
        proposal: Proposal,
        now: datetime,
        *,
        persons: bool,
    ) -> Verdict:
        """Of the alarm of a proposal. `persons`: its rule also accepts what people entered.

        The connection is in no transaction.
        """
        key = proposal.alarm, persons
        judged_at, verdict = self._verdicts.get(key, (0.0, Verdict()))
        if not judged_at or self.ticks() - judged_at >= _AGAIN:
            try:
                began = self._find_began(connection, registry, proposal, now, persons=persons)
            except Exception as error:  # no rule sends on what cannot be judged
                if connection.closed:
                    raise
                log.exception("alarm %s cannot be judged", proposal.alarm)
                problem = make_storable(str(error))
                verdict = Verdict(obstacle=Message("its alarm cannot be judged: {error}", problem))
            else:
                verdict = self._conclude(proposal, began, now, persons=persons)
            self._verdicts[key] = self.ticks(), verdict
        return verdict

    def _conclude(
        self, proposal: Proposal, began: int | None, now: datetime, *, persons: bool
    ) -> Verdict:
        if began is None:
            return Verdict(
                obstacle=Message("its alarm is not active by the readings and facts of now")
                if persons
                else Message("devices and official services alone have not raised its alarm")
            )
        first = min(moment(began), proposal.began or now)
        if now - first > self.fresh:
            return Verdict(
                obstacle=Message(
                    "readings had met its condition before: a person's act made its alarm begin now"
                )
            )
        return Verdict(began=first)

    def _find_began(
        self,
        connection: Connection,
        registry: Registry,
        proposal: Proposal,
        now: datetime,
        *,
        persons: bool,
    ) -> int | None:
        """When (µs) the alarm began; None: it is not active."""
        steady = _hold_facts(registry, proposal.rule, now)
        places = None
        if proposal.place is not None:
            places = frozenset({proposal.place})
            steady = registries.registry_around(steady, places)
        with connection.transaction():
            stored = StoredSource.of(connection)
            source = stored if persons else SentSource(**vars(stored))
            inputs = Inputs(
                registry=steady,
                source=source,
                catalogue=self.catalogue,
                span=Span(since=micros(now - self.fresh), until=micros(now)),
                places=places,
                retention=RETENTION,
                closed=False,  # an alarm that people close goes on
            )
            evaluation = backtest(inputs, lambda _done, _of: None)
        return next(
            (
                alarm.episode.began
                for alarm in evaluation.alarms
                if alarm.episode.subject == proposal.subject and alarm.episode.ended is None
            ),
            None,
        )


def _hold_facts(registry: Registry, rule: str, now: datetime) -> Registry:
    """The registry as if what is in force now had always been, with this rule alone."""
    last = {
        (revision.kind, revision.key): revision
        for revision in registry.revisions
        if revision.effective <= now and (revision.kind != "rule" or revision.key == rule)
    }
    always = moment(BEGINNING)
    revisions = tuple(
        replace(revision, effective=always)
        for revision in last.values()
        if revision.value is not None
    )
    return replace(registry, revisions=revisions)
