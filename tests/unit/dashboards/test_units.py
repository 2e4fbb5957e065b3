"""Every unit of the catalogue is one that Grafana writes."""

import pytest

from dashboards._units import EXTRA, GRAFANA, DashboardError, grafana
from hypervisor.grafana import vocabulary
from sensors import _units
from sensors._domain import catalogue

OURS = sorted(
    {quantity.unit for quantity in catalogue().quantities.values()}
    | {threshold.unit for threshold in catalogue().thresholds.values()}
)


@pytest.mark.parametrize("unit", OURS)
def test_each_unit_of_the_catalogue_has_one_of_grafana(unit: str) -> None:
    assert vocabulary.is_unit(grafana(unit))


@pytest.mark.parametrize("unit", sorted(GRAFANA))
def test_what_is_listed_is_a_unit_of_ours_and_of_grafana(unit: str) -> None:
    _units.check(unit)
    assert vocabulary.is_unit(GRAFANA[unit])


@pytest.mark.parametrize("word", sorted(EXTRA))
def test_words_for_columns_that_are_no_quantity(word: str) -> None:
    assert word not in GRAFANA
    assert vocabulary.is_unit(EXTRA[word])


def test_a_unit_of_a_new_domain_needs_no_entry() -> None:
    assert grafana("ug/l") == "suffix:ug/l"
    assert grafana("{person}/h") == "suffix:person/h"


def test_what_is_no_unit_is_refused() -> None:
    with pytest.raises(DashboardError, match=r"dashboards/_units\.py"):
        grafana("florin")
