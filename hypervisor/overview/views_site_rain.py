"""Rain at a gauge: rain gauge, sums, return period."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.base.translation import translate as _
from hypervisor.overview.views_site_limits import SiteLimit
from hypervisor.web import filters

_HOURS = (1, 2, 3, 4, 6, 12, 24)


@dataclass(frozen=True, kw_only=True)
class RainGauge:
    """The rain gauge that is drawn."""

    site: str
    title: str
    quantity: str
    km: float
    own: bool
    same_commune: bool

    @property
    def words(self) -> str:
        if self.own:
            return _("over the catchment")
        far = filters.value(self.km, "km", 0)
        return _("%(title)s, %(far)s away") % {"title": self.title, "far": far}


def describe_rarity(sums: dict[int, float], limits: Sequence[SiteLimit]) -> str | None:
    """The return period of the rain of the last hours, from the 10 and 50 year depths."""
    depths = {site_limit.name: site_limit.value for site_limit in limits}
    reached = [
        years
        for years in (10, 50)
        for hours in _HOURS
        if depths.get(f"rain_{years}y_{hours}h", float("inf")) <= sums.get(hours, 0.0)
    ]
    if not any(name.startswith("rain_10y") for name in depths):
        return None
    if 50 in reached:
        return _("rarer than once in 50 years")
    if 10 in reached:
        return _("between 10 and 50 years")
    return _("less than once in 10 years")


def sum_hours(points: Sequence[tuple[float, float]], now: float) -> dict[int, float]:
    """Hours -> mm fallen in them; `points`: (s since the epoch, mm)."""
    return {
        hours: sum(value for at, value in points if now - hours * 3_600 < at <= now)
        for hours in _HOURS
    }
