"""All shipped rules over all domains: what is skipped, unmarked or merged changes no alarm."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from hypervisor.base.instance import Mode
from hypervisor.bench import rules, territory
from hypervisor.bench.servers import empty_ground
from hypervisor.database.connect import connect
from hypervisor.evaluation import pack_revisions, schedule
from hypervisor.evaluation.batch import Setup
from hypervisor.evaluation.loop import load_frozen_memory
from hypervisor.evaluation.prefilter import Prefilter
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_queries
from rules._pack import packs
from sensors._domain import catalogue

PLAN = rules.Plan(sites=300, times=16, batch=700, stirred=0.2)
BEGINS = 1_796_000_000  # s
LOG = (
    "SELECT rule, subject, since, began, ended, severity::text, stale::text, last_value::text,"
    " withdrawn IS NULL FROM alarm WHERE source IS NULL ORDER BY rule, subject, began, id"
)


def evaluate_all(*, longest: float) -> tuple[list[Any], int]:
    """The log, and how many evaluations it took; a tenth of the readings is late."""
    words = catalogue()
    with empty_ground() as ground:
        url = ground.settings.database_url
        places = territory.places(PLAN.sites, words)
        with connect(url) as connection:
            territory.register(connection, places, words)
            pack_revisions.record_and_log(connection, packs(), now=None)
            queries_workers.join(connection, "bench")
        setup = Setup(
            catalogue=words,
            mode=Mode.LIVE,
            retention=400 * 86_400 * 1_000_000,
            clock=lambda: datetime.now(UTC),
            longest=longest,
        )
        with connect(url) as writer, connect(url, autocommit=True) as own:
            reading_queries.create_staging_tables(writer)
            writer.commit()
            memory = load_frozen_memory(own, setup)
            list(rules.take_steps(own, memory, setup))
            numbers = {
                key: series.id or 0 for key, series in registry_queries.load(writer).series.items()
            }
            writer.commit()
            evaluated = 0
            held = None
            for turn in range(PLAN.times):
                rows = rules.make_rows(PLAN, places, numbers, BEGINS, turn)
                late = np.random.default_rng(turn).random(len(rows)) < 0.1
                sent = rows[~late] if held is None else np.concatenate([held, rows[~late]])
                held = rows[late]
                for first in range(0, len(sent), PLAN.batch):
                    rules.commit(writer, sent[first : first + PLAN.batch])
                    taken = rules.take_steps(own, memory, setup)
                    evaluated += sum(report.evaluated for _, report in taken)
            return own.execute(LOG).fetchall(), evaluated


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_log_is_that_of_evaluating_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, few = evaluate_all(longest=0.02)

    def blind(_rule: Any, subjects: Any, _stats: Any) -> Prefilter:
        return Prefilter.blind(len(subjects))

    monkeypatch.setattr(schedule, "_build_prefilter", blind)
    everything, many = evaluate_all(longest=0.5)
    assert len(log) > 100
    assert log == everything
    assert few < many / 5
