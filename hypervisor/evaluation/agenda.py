"""All plans at once, in arrays over their pairs of rule and subject: what a batch can change.

Most readings lie within the guards of their series, between which the conditions that read them are
proven impossible. Such readings cost a comparison of arrays; only the others need their plan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hypervisor.evaluation.arrivals import Arrived
from hypervisor.evaluation.recent_values import LATER
from hypervisor.evaluation.schedule import PROVEN, UNTRIED, Changes, EvaluationPlan, Proofs
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.series_tail import Mask
from rules._inputs import Instants


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """Arrays by pair, plan after plan; a plan's own arrays are views of these.

    `spans`: first pair of each plan, and the end. `readers`: the pairs that read a series, by its
    place, those of place p from `reader_spans[p]` up to `reader_spans[p + 1]`.
    """

    plans: Mapping[str, EvaluationPlan]  # by rule
    in_order: Sequence[EvaluationPlan]
    spans: Instants
    due: Instants
    must: Mask
    calm: Mask
    proof: Proofs
    settled: Instants
    silence: Mask
    readers: Instants
    reader_spans: Instants

    @classmethod
    def of(cls, by_rule: Mapping[str, EvaluationPlan], stats: SeriesStats) -> "Agenda":
        """Arrange plans; from now on their arrays are parts of the agenda's."""
        plans = [*by_rule.values()]
        spans = np.cumsum([0, *(len(plan.keys) for plan in plans)], dtype=np.int64)
        readers, reader_spans = _list_readers(plans, spans, len(stats.newest))
        agenda = cls(
            plans=by_rule,
            in_order=plans,
            spans=spans,
            due=_join([plan.due for plan in plans], np.int64),
            must=_join([plan.must for plan in plans], np.bool_),
            calm=_join([plan.calm for plan in plans], np.bool_),
            proof=_join([plan.proof for plan in plans], np.int8),
            settled=_join([plan.prefilter.settled for plan in plans], np.int64),
            silence=np.repeat(np.array([plan.silence for plan in plans], np.bool_), np.diff(spans)),
            readers=readers,
            reader_spans=reader_spans,
        )
        for number, plan in enumerate(plans):
            part = agenda._part(number)
            plan.due, plan.must = agenda.due[part], agenda.must[part]
            plan.calm, plan.proof = agenda.calm[part], agenda.proof[part]
        return agenda

    def mark(
        self, news: Arrived, stats: SeriesStats, *, floor: int, watermark: int
    ) -> Iterator[tuple[EvaluationPlan, int]]:
        """Make due what the news may change, and what time alone has by `floor`.

        `watermark`: how far silence was evaluated until now. Yields the subjects, by number in
        their plans, whose series have late readings.
        """
        self._doubt(stats)
        arrived = np.flatnonzero((news.first < LATER) | (news.arrived < LATER) | news.late)
        pairs, places = self._list_readers_of(arrived)
        first = np.full(len(self.due), LATER, dtype=np.int64)
        since = np.where(self.silence[pairs], news.arrived[places], news.first[places])
        np.minimum.at(first, pairs, since)
        late = np.zeros(len(self.due), dtype=np.bool_)
        late[pairs[news.late[places]]] = True
        touched = (first < LATER) | (self.silence & (self.due <= floor))
        proven = touched & (self.proof == PROVEN) & self.calm & ~self.must & ~late
        proven &= self.settled <= first
        self.due[proven & (self.settled <= self.due)] = LATER
        touched &= ~proven
        for number in self._plans_of(np.flatnonzero(touched)):
            part = self._part(number)
            changes = Changes(touched=touched[part], first=first[part], late=late[part])
            self.in_order[number].mark(changes, news, stats, floor=floor, watermark=watermark)
        for number in self._plans_of(np.flatnonzero(late)):
            for subject in np.flatnonzero(late[self._part(number)]).tolist():
                yield self.in_order[number], subject

    def list_due(self, stats: SeriesStats, floor: int) -> Iterator[tuple[EvaluationPlan, int, int]]:
        """Plan, number of the subject and horizon of each evaluation that is due."""
        some = np.flatnonzero((self.due <= floor) | (~self.silence & (self.due < LATER)))
        for number in self._plans_of(some):
            plan = self.in_order[number]
            horizons = plan.horizons(stats, floor)
            for subject in np.flatnonzero(plan.due <= horizons).tolist():
                yield plan, subject, int(horizons[subject])

    def _doubt(self, stats: SeriesStats) -> None:
        """What was proven of series that moved out of their guards must be proven again."""
        moved, _ = self._list_readers_of(np.flatnonzero(stats.outside))
        self.proof[moved[self.proof[moved] == PROVEN]] = UNTRIED
        renewed, _ = self._list_readers_of(np.flatnonzero(stats.renewed))
        self.proof[renewed] = UNTRIED
        stats.outside[:] = False
        stats.renewed[:] = False

    def _list_readers_of(self, places: Instants) -> tuple[Instants, Instants]:
        """The pairs that read these series, and of which place each does."""
        begins, sizes = self.reader_spans[places], np.diff(self.reader_spans)[places]
        ends = np.cumsum(sizes)
        index = np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - ends + sizes, sizes)
        return self.readers[index], np.repeat(places, sizes)

    def _plans_of(self, pairs: Instants) -> list[int]:
        """The plans of these pairs, which ascend."""
        plans: list[int] = np.unique(np.searchsorted(self.spans, pairs, side="right") - 1).tolist()
        return plans

    def _part(self, number: int) -> slice:
        return slice(int(self.spans[number]), int(self.spans[number + 1]))


def _join(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=kind), *parts]).astype(kind)


def _list_readers(
    plans: Sequence[EvaluationPlan], spans: Instants, size: int
) -> tuple[Instants, Instants]:
    """The pairs by place of the series that they read, and where those of each place begin."""
    pairs, places = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for plan, begins in zip(plans, spans[:-1].tolist(), strict=True):
        owners, columns = np.nonzero(plan.listens)  # place 0 is no series
        pairs.append(owners + begins)
        places.append(plan.listens[owners, columns])
    all_pairs, all_places = np.concatenate(pairs), np.concatenate(places)
    order = np.argsort(all_places, kind="stable")
    return all_pairs[order], np.searchsorted(all_places[order], np.arange(size + 1))
