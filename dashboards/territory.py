"""The territory on one screen: what is wrong now, where, what comes near, where we are blind."""

from dashboards import _territory_now, _territory_places
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="territory",
    title=Text(en="Territory", fr="Territoire"),
    about=Text(
        en="Every urban function in one place: what is wrong now and where, the official colours,"
        " what the water comes near, where we are blind. From here a click leads to the site in the"
        " console and to the dashboard of its function.",
        fr="Toutes les fonctions urbaines en un lieu : ce qui ne va pas et où, les couleurs"
        " officielles, ce dont l'eau approche, où nous sommes aveugles. D'ici un clic mène au site"
        " dans la console et au tableau de sa fonction.",
    ),
    annotations=False,  # the alarms are its subject
    panels=(_territory_now.SECTION, _territory_places.SECTION),
)
