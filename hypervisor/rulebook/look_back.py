"""Whether evaluation would set a rule aside for its text: refused when it is saved."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hypervisor.backtest import registries
from hypervisor.backtest.registries import Trial
from hypervisor.base.errors import RulebookError
from hypervisor.database.connect import Connection
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import LookBackError, arrange, require_within
from hypervisor.readings import queries_retention
from hypervisor.registry import queries as registry_queries
from rules._engine import lookback
from rules._inputs import Subject
from rules._pack import rule_from_json
from sensors._domain import catalogue

_USUAL_DAYS = 400  # for which readings are kept, until housekeeping has said otherwise
_NOWHERE = Subject(key="", series={}, devices={}, thresholds={})


def check_look_back(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Arrange these rules at all subjects, as evaluation does.

    Raises:
        RuleError: one cannot be read back.
        RulebookError: one looks back farther than readings are kept for: where, and the most.
    """
    rules = [rule_from_json(value) for value in values]
    if not rules:
        return
    days = queries_retention.list_periods(connection).get("readings") or _USUAL_DAYS
    retention = timedelta(days=days) // timedelta(microseconds=1)
    for rule in rules:
        try:
            require_within(lookback([rule], _NOWHERE), retention // 2)
        except LookBackError as error:
            raise RulebookError("{rule}: {problem}", rule.id, str(error)) from error
    registry = registries.with_trial(
        registry_queries.load(connection), Trial(rules=tuple(rules)), catalogue()
    )
    near = registries.only_rules(registry, [rule.id for rule in rules])
    territory = arrange(near, catalogue(), PowerSchedule(retention=retention))
    for (rule_id, subject), problem in sorted(territory.failed.items(), key=lambda each: each[0]):
        if isinstance(problem, LookBackError):
            raise RulebookError("rule {rule} at {place}: {problem}", rule_id, subject, str(problem))
