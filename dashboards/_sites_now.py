"""What the dashboards of any domain ask of each site at the end of the time range.

Values, thresholds in force, open alarms, and the columns of a site and its state in a table.
"""

from dataclasses import dataclass

from dashboards._colours import State
from dashboards._describe import Column
from dashboards._field_alarms import quiet
from dashboards._links import site_page
from dashboards._sql import EVER, UNTIL, before, latest, territory
from dashboards._words import Text


@dataclass(frozen=True)
class Last:
    """The last value of a quantity, if it is not older than `span`.

    `over`: the SQL aggregate over the series of a site that has several.
    """

    quantity: str
    span: str
    over: str = "max"

    def column(self, name: str) -> str:
        """SQL: a column of `latest`."""
        return (
            f"{self.over}(latest.last) FILTER (WHERE series.quantity = '{self.quantity}'"
            f" AND latest.last_at > {before(UNTIL, self.span)}) AS {name}"
        )


def site_values(**values: Last) -> str:
    """SQL: a row per chosen site that ever measured one of these, with a column of each.

    Other columns: `id`, `name`, `title`, `lon`, `lat`, `commune` of the site, `heard`.
    """
    site = "site.id, site.name, site.title, site.lon, site.lat, site.commune"
    quantities = dict.fromkeys(value.quantity for value in values.values())
    columns = ",\n           ".join(value.column(name) for name, value in values.items())
    return f"""
    SELECT {site}, max(latest.last_at) AS heard,
           {columns}
    FROM {latest(*quantities, since=EVER)} GROUP BY {site}"""


def limits(**names: str) -> str:
    """A FROM item: a row per site with its thresholds in force; `names`: a threshold by column.

    Its column `site` is the site's name.
    """
    columns = ", ".join(
        f"max(t.value) FILTER (WHERE t.name = '{name}') AS {column}"
        for column, name in names.items()
    )
    return f"""
    (SELECT t.site, {columns} FROM threshold_spans() t
     WHERE t.begins <= {UNTIL} AND {UNTIL} < t.ends GROUP BY t.site)"""


def open_alarms(domain: str) -> str:
    """SQL: how many alarms of a domain are open at the chosen sites."""
    return f"""
    (SELECT count(*) FROM alarm JOIN site ON site.id = alarm.site
     WHERE alarm.domain = '{domain}' AND alarm.withdrawn IS NULL AND alarm.began <= {UNTIL}
       AND (alarm.ended IS NULL OR alarm.ended > {UNTIL}) AND {territory()})::int"""


def site_columns(title: Text) -> tuple[Column, Column]:
    """The columns `site` and `title` of a table: the title leads to the site's page."""
    return Column("site", hidden=True), Column("title", title, links=(site_page(),))


def state_column(states: tuple[State, ...], *, calm: tuple[str, ...] = ()) -> Column:
    """The column `state` of a table, in the state's colour; `calm`: states without one."""
    return Column("state", Text("State", "État"), states=quiet(states, calm), cell="text")


def worst_first(states: tuple[State, ...], column: str = "state") -> str:
    """SQL: what to sort by, so that rows come in the order of their states."""
    values = ", ".join(f"'{state.value}'" for state in states)
    return f"array_position(ARRAY[{values}], {column})"
