"""The dashboard that a function has before somebody draws a better one."""

import pytest

from dashboards import _build
from dashboards._options import Options
from dashboards._usual import default_dashboard
from sensors._domain import Domain, catalogue


@pytest.mark.parametrize("domain", catalogue().domains.values(), ids=lambda each: each.name)
def test_every_quantity_has_its_panel_in_its_own_unit(domain: Domain) -> None:
    built = _build.build_document(
        default_dashboard(domain), Options(catalogue=catalogue(), lang="en")
    )
    titles = [panel["title"] for panel in built["panels"]]
    assert titles[: len(domain.quantities)] == [each.label_en for each in domain.quantities]
    assert titles[-2:] == ["Alarms by site", "Faults of our own equipment"]
    assert all(panel["description"] for panel in built["panels"])
    assert all("unit" in panel["fieldConfig"]["defaults"] for panel in built["panels"][:-2])


def test_what_falls_is_added_up_and_drawn_as_bars() -> None:
    built = _build.build_document(
        default_dashboard(catalogue().domains["weather"]), Options(catalogue=catalogue(), lang="fr")
    )
    rain = next(panel for panel in built["panels"] if panel["title"] == "Pluie")
    assert rain["fieldConfig"]["defaults"]["custom"]["drawStyle"] == "bars"
    assert "bucket.total AS value" in rain["targets"][0]["rawSql"]
