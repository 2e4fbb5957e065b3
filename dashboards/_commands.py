"""Commands to devices: what was ordered in the time shown, and what became of it."""

from dashboards._colours import GREEN, GREY, ORANGE, RED, YELLOW, State
from dashboards._describe import Column, Panel, Section
from dashboards._links import site_page
from dashboards._sites_now import state_column
from dashboards._sql import SINCE, UNTIL, territory
from dashboards._views import Table
from dashboards._words import Text
from sensors._domain import catalogue

_STATES = (
    State("drafted", Text("to be signed", "à signer"), ORANGE, "!"),
    State("queued", Text("waits to be sent", "en attente d'envoi"), YELLOW, "…"),
    State("sent", Text("sent", "envoyée"), YELLOW, "…"),
    State("accepted", Text("under way", "en route"), YELLOW, "…"),
    State("acknowledged", Text("acknowledged", "acquittée"), GREEN, "✓"),
    State("confirmed", Text("confirmed", "confirmée"), GREEN, "✓"),
    State("expired", Text("expired", "expirée"), RED, "✕"),
    State("refused", Text("refused", "refusée"), RED, "✕"),
    State("failed", Text("failed", "échouée"), RED, "✕"),
    State("superseded", Text("superseded", "remplacée"), GREY, "‖"),
    State("cancelled", Text("cancelled", "annulée"), GREY, "‖"),
)
_KINDS = tuple(
    State(kind.name, Text(kind.label_en, kind.label_fr), GREY)
    for kind in catalogue().commands.values()
)
_TABLE = Panel(
    key="commands-table",
    title=Text("Commands", "Commandes"),
    about=Text(
        en="Commands that were ordered in the time range, the latest first, with their state as it"
        " is now. A command is confirmed by a reading, not by being sent.",
        fr="Commandes ordonnées pendant la période, les plus récentes d'abord, dans leur état"
        " actuel. C'est une mesure qui confirme une commande, non son envoi.",
    ),
    view=Table(filterable=True),
    sql=f"""
    SELECT command.drafted_at AS ordered, command.kind,
           (SELECT string_agg(given.value, ', ') FROM jsonb_each_text(command.parameters) given)
               AS value,
           device.name AS device, site.name AS site, site.title AS place, command.state,
           command.changed_at AS changed
    FROM command JOIN device ON device.id = command.device JOIN site ON site.id = command.site
    WHERE command.drafted_at > {SINCE} AND command.drafted_at <= {UNTIL} AND {territory()}
    ORDER BY command.drafted_at DESC LIMIT 500
    """,
    columns=(
        Column("ordered", Text("Ordered", "Ordonnée"), unit="date"),
        Column("kind", Text("Command", "Commande"), states=_KINDS, cell="text"),
        Column("value", Text("Value", "Valeur")),
        Column("device", Text("Device", "Équipement")),
        Column("site", hidden=True),
        Column("place", Text("Site", "Site"), links=(site_page(),)),
        state_column(_STATES),
        Column("changed", Text("Last step", "Dernière étape"), unit="date"),
    ),
    no_value=Text("no command was given", "aucune commande n'a été donnée"),
    empty="no command was given in the time range",
    width=24,
    height=8,
)
SECTION = Section(key="commands", title=Text("Commands", "Commandes"), panels=(_TABLE,))
