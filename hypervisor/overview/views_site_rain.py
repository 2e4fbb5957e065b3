"""Rain above a level: whose it is, how much in a day, and how rare."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypervisor.base.translation import translate as _
from hypervisor.overview.views_site_limits import SiteLimit
from hypervisor.web import filters

_HOURS = (1, 2, 3, 4, 6, 12, 24)


@dataclass(frozen=True, kw_only=True)
class RainFrom:
    """The gauge whose rain is drawn, as the page names it."""

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


def rarity(sums: dict[int, float], limits: Sequence[SiteLimit]) -> str | None:
    """How rare the rain of the last hours is, by the depths of once in ten and fifty years."""
    known = {site_limit.name: site_limit.value for site_limit in limits}
    reached = [
        years
        for years in (10, 50)
        for hours in _HOURS
        if known.get(f"rain_{years}y_{hours}h", float("inf")) <= sums.get(hours, 0.0)
    ]
    if not any(name.startswith("rain_10y") for name in known):
        return None
    if 50 in reached:
        return _("rarer than once in 50 years")
    if 10 in reached:
        return _("between 10 and 50 years")
    return _("less than once in 10 years")


def sums(points: Sequence[tuple[float, float]], now: float) -> dict[int, float]:
    """The amounts of the last hours, of (s since the epoch, mm)."""
    return {
        hours: sum(value for at, value in points if now - hours * 3_600 < at <= now)
        for hours in _HOURS
    }
