"""Work orders: those that were open in the time shown, and where they stand."""

from dashboards._colours import GREEN, GREY, ORANGE, RED, YELLOW, State
from dashboards._describe import Column, Panel, Section
from dashboards._links import site_page
from dashboards._sites_now import state_column
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import Table
from dashboards._words import Text

_STATES = (
    State("open", Text("no team yet", "sans équipe"), ORANGE, "!"),
    State("assigned", Text("given to its team", "confiée à l'équipe"), YELLOW, "…"),
    State("accepted", Text("accepted", "acceptée"), YELLOW, "…"),
    State("on_way", Text("on the way", "en route"), YELLOW, "…"),
    State("on_site", Text("on site", "sur place"), YELLOW, "…"),
    State("done", Text("done", "faite"), GREEN, "✓"),
    State("refused", Text("refused by its team", "refusée par l'équipe"), ORANGE, "!"),
    State("cancelled", Text("cancelled", "annulée"), GREY, "‖"),
)
_PRIORITIES = (
    State("urgent", Text("urgent", "urgente"), RED, "!"),
    State("high", Text("high", "haute"), ORANGE, "↑"),
    State("normal", Text("normal", "normale"), GREY, "·"),
    State("low", Text("low", "basse"), GREY, "↓"),
)
# An order has a commune, and a site or none; `territory` asks a site.
_TABLE = Panel(
    key="interventions-table",
    title=Text("Work orders", "Interventions"),
    about=Text(
        en="Orders to teams in the field that were open in the time range, the latest first, with"
        " their state as it is now.",
        fr="Interventions confiées aux équipes et ouvertes pendant la période, les plus récentes"
        " d'abord, dans leur état actuel.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT intervention.opened_at AS opened, intervention.id AS number, intervention.priority,
           team.title AS team, site.name AS site, coalesce(known.title, area.name) AS place,
           intervention.state, intervention.due, intervention.closed_at AS closed
    FROM intervention LEFT JOIN site known ON known.id = intervention.site
    CROSS JOIN LATERAL (SELECT coalesce(known.name, '') AS name, intervention.commune) site
    LEFT JOIN team ON team.id = intervention.team
    LEFT JOIN area ON area.code = intervention.commune
    WHERE intervention.opened_at <= {UNTIL}
          AND coalesce(intervention.closed_at, 'infinity') > {SINCE} AND {territory()}
    ORDER BY intervention.opened_at DESC LIMIT 500
    """,
    columns=(
        Column("opened", Text("Opened", "Ouverte"), unit="date"),
        Column("number", Text("No.", "N°")),
        Column("priority", Text("Priority", "Priorité"), states=_PRIORITIES, cell="text"),
        Column("team", Text("Team", "Équipe")),
        Column("site", hidden=True),
        Column("place", Text("Place", "Lieu"), links=(site_page(),)),
        state_column(_STATES),
        Column("due", Text("Due by", "Échéance"), unit="date"),
        Column("closed", Text("Finished", "Terminée"), unit="date"),
    ),
    no_value=Text("no order was open", "aucune intervention n'était ouverte"),
    empty="no team was sent anywhere in the time range",
    width=24,
    height=8,
)
SECTION = Section(key="interventions", title=Text("Work orders", "Interventions"), panels=(_TABLE,))
