"""Floods, for a hydrologist on duty: situation, hydrographs, rain, peaks, gauges."""

from dashboards import _flood_course, _flood_forecast, _flood_now, _flood_peaks, _flood_rain
from dashboards._describe import Dashboard, Section
from dashboards._lanes import alarm_lanes, fault_lanes, health
from dashboards._words import Text
from sensors.flood import DOMAIN

DASHBOARD = Dashboard(
    key="flood",
    title=Text(en="Floods", fr="Crues"),
    about=Text(
        en="Rivers from the source down, level minus threshold or in m NGF; assets by remaining"
        " time; forecasts and their skill (experimental); rain and its rarity, basins, observed and"
        " expected peaks; state of the gauges."
        " Tables show the end of the time range.",
        fr="Les cours d'eau de l'amont vers l'aval, en hauteur moins seuil ou en cote NGF ; les"
        " enjeux par délai ; les prévisions et leur fiabilité (expérimental) ; la pluie et sa"
        " rareté, les bassins, les pics observés et attendus ;"
        " l'état des stations. Les tables valent à la fin de la période affichée.",
    ),
    domains=("flood",),
    since="now-48h",
    panels=(
        _flood_now.SECTION,
        _flood_forecast.SECTION,
        _flood_course.SECTION,
        _flood_rain.SECTION,
        _flood_peaks.SECTION,
        Section(
            key="flood-alarms-section",
            title=Text(en="Alarms", fr="Alarmes"),
            panels=(alarm_lanes("flood", height=12),),
        ),
        _flood_course.PROFILE,
        Section(
            key="flood-gauges",
            title=Text(en="The gauges", fr="Les stations"),
            panels=(
                health(
                    DOMAIN,
                    Text(en="Health of the gauges", fr="État des stations"),
                    "level",
                    "basin_fill",
                ),
                fault_lanes("flood", width=24, height=7),
            ),
        ),
    ),
)
