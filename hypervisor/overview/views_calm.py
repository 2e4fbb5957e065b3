"""Whether Now and the wall may say that all is calm, from every input they have."""

from dataclasses import dataclass

from hypervisor.base.freshness import Assessment
from hypervisor.base.translation import translate as _
from hypervisor.readings.calm import AlarmCalm
from hypervisor.web import filters
from hypervisor.web.calm import list_missing


@dataclass(frozen=True, kw_only=True)
class Calm(AlarmCalm):
    """And `water`: whether no asset and no threshold is threatened."""

    water: Assessment


def explain_nothing_worse(calm: Calm, *, gauged: bool) -> tuple[str, str]:
    """(what, why) where no row is getting worse: nothing threatens, or nothing can be known."""
    water = calm.water
    if water.is_calm:
        return (
            _("No asset or threshold is threatened."),
            _("By the forecasts, and for 24 h by the trend of the last three hours."),
        )
    if water.state == "worsening":
        above = _("Above a threshold or flooded: %(names)s.") % {
            "names": filters.join_some(water.worse)
        }
        if water.gaps:
            return above, f"{_('Not assessable:')} {list_missing(water)}"
        return above, _("Nothing further is reached within 24 h by forecasts and trends.")
    if not gauged and not water.gaps:
        return _("No river gauge in your territory."), _("So no rise of water is projected here.")
    return _("Not assessable:"), list_missing(water)
