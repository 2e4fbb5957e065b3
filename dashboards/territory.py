"""The territory on one screen: active alarms, map, threatened assets, blind spots."""

from dashboards import _territory_now, _territory_places
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="territory",
    title=Text(en="Territory", fr="Territoire"),
    about=Text(
        en="All urban functions in one place: active alarms and their location, official colours,"
        " assets threatened by water, blind spots. Click to open a site in the console or the"
        " dashboard of a function.",
        fr="Toutes les fonctions urbaines en un lieu : alarmes actives et leur lieu, couleurs"
        " officielles, enjeux menacés par l'eau, angles morts. Un clic ouvre le site dans la"
        " console ou le tableau de sa fonction.",
    ),
    annotations=False,  # the alarms are its subject
    panels=(_territory_now.SECTION, _territory_places.SECTION),
)
