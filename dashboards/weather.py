"""Weather, as a forecaster reads a network of stations: rain and its rarity, wind, frost, heat."""

from dashboards import _weather_air, _weather_now, _weather_rain
from dashboards._describe import Dashboard, Section
from dashboards._lanes import alarm_lanes, fault_lanes, health
from dashboards._words import Text
from sensors.weather import DOMAIN

DASHBOARD = Dashboard(
    key="weather",
    title=Text(en="Weather", fr="Météo"),
    about=Text(
        en="Rain by station with its rarity, gusts against the limits of parks and cranes, frost"
        " by the wet bulb, heat by three-day means; blocked rain gauges, state of the stations."
        " Tables show the end of the time range.",
        fr="La pluie par station et sa rareté, les rafales face aux seuils des parcs et des grues,"
        " le gel au thermomètre mouillé, la chaleur en moyennes sur trois jours ; pluviomètres"
        " bouchés, état des stations. Les tables valent à la fin de la période affichée.",
    ),
    domains=("weather",),
    since="now-48h",
    panels=(
        _weather_now.SECTION,
        _weather_rain.SECTION,
        _weather_rain.WIND,
        _weather_air.SECTION,
        Section(
            key="weather-alarms-section",
            title=Text(en="Alarms", fr="Alarmes"),
            panels=(alarm_lanes("weather", height=9),),
        ),
        Section(
            key="weather-network",
            title=Text(en="The network", fr="Le réseau"),
            panels=(
                _weather_rain.BLOCKED,
                fault_lanes("weather"),
                health(
                    DOMAIN,
                    Text(en="Health of the stations", fr="État des stations"),
                    "air_temperature",
                    "rain",
                    "gust",
                ),
            ),
        ),
    ),
)
