"""Options of a build: language, the console's address, map tiles, time range."""

import re
from dataclasses import dataclass, field

from dashboards._describe import Dashboard
from dashboards._units import DashboardError
from dashboards._words import Lang
from sensors._domain import Catalogue
from sensors._quantity import Quantity

_ROW = re.compile(r"\{row\.(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A build's choices. Without `console_url` no links there, without `basemap` no tiles."""

    catalogue: Catalogue = field(repr=False)
    lang: Lang = "fr"
    console_url: str = ""
    basemap: str = ""
    basemap_words: str = ""  # whose tiles they are, as their licence asks
    since: str = ""  # instead of each dashboard's own
    until: str = ""
    timezone: str = "browser"
    others: tuple[Dashboard, ...] = field(default=(), repr=False)  # that each leads to

    def quantity(self, name: str) -> Quantity:
        """A quantity of the catalogue.

        Raises:
            DashboardError: it has none of that name.
        """
        quantity_of = self.catalogue.quantities.get(name)
        if quantity_of is None:
            raise DashboardError(f"no quantity {name!r} in the catalogue (sensors/)")
        return quantity_of

    def reaches(self, url: str) -> bool:
        """Whether a link can be followed: the console's only where its address is known."""
        return bool(self.console_url) or "{console}" not in url

    def address(self, url: str) -> str:
        """A link as Grafana interpolates it."""
        url = url.replace("{console}", self.console_url.rstrip("/"))
        return _ROW.sub(r"${__data.fields.\1}", url).replace("{range}", "${__url_time_range}")
