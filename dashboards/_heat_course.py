"""District heating over time: network, heating curve, energy signature, water."""

from dashboards._describe import Column, Panel, Section
from dashboards._gaps import break_lines, bridge_gaps
from dashboards._heat_now import MAP
from dashboards._sql import BAR, SINCE, UNTIL, before, readings, series_of
from dashboards._views import Scatter, TimeSeries
from dashboards._words import Text

_DAY = "interval '1 day'"
_CLOUD = f"greatest({SINCE}, {before(UNTIL, '14 days')})"


def _lines(key: str, title: Text, about: Text, quantity: str, *, width: int = 12) -> Panel:
    return Panel(
        key=f"heat-{key}",
        title=title,
        about=about,
        view=TimeSeries(legend="table", legend_calcs=("lastNotNull", "min", "max")),
        quantity=quantity,
        sql=break_lines(
            f"""
        SELECT bucket.time, site.title AS metric, bucket.mean AS value FROM {readings(quantity)}
        """
        ),
        refine=bridge_gaps,
        no_value=Text("nothing was measured", "rien n'a été mesuré"),
        width=width,
        height=10,
    )


def _pairs(x: str, y: str, columns: str, *, since: str, every: str) -> str:
    """SQL: `columns` of the values `x` and `y` that a site measured in the same piece of time."""
    return f"""
    SELECT {columns} FROM (
        SELECT device.site, bucket.time, avg(bucket.mean) AS value
        FROM readings_by({series_of(x)}, {since}, {UNTIL}, {every}) AS bucket
        JOIN series ON series.id = bucket.series_id AND series.quantity = '{x}'
        JOIN device ON device.id = series.device GROUP BY device.site, bucket.time
    ) x JOIN (
        SELECT device.site, bucket.time, avg(bucket.mean) AS value, sum(bucket.increase) AS grown
        FROM readings_by({series_of(y)}, {since}, {UNTIL}, {every}) AS bucket
        JOIN series ON series.id = bucket.series_id AND series.quantity = '{y}'
        JOIN device ON device.id = series.device GROUP BY device.site, bucket.time
    ) y USING (site, time) JOIN site ON site.id = x.site
    """


_CURVE = Panel(
    key="heat-curve",
    title=Text("Heating curve", "Loi d'eau"),
    about=Text(
        en="The heating's supply against the air outside, an hour per point, of at most 14 days."
        " A tight slope is a controller that works; a cloud below it is a lack of heat, a level"
        " line a controller in manual mode. The lower band is the night.",
        fr="Départ chauffage selon la température extérieure, un point par heure, 14 jours au plus."
        " Une pente nette : la régulation travaille ; un nuage en dessous : manque de chaleur ; une"
        " ligne plate : régulateur en manuel. La bande basse est celle de la nuit.",
    ),
    view=Scatter(x="outside", y="supply", by="station", size=4),
    sql=_pairs(
        "outside_temperature",
        "secondary_supply_temperature",
        "site.title AS station, x.value AS outside, y.value AS supply",
        since=_CLOUD,
        every="interval '1 hour'",
    )
    + " ORDER BY site.title, x.time",
    columns=(
        Column("outside", Text("Outside", "Extérieur"), quantity="outside_temperature"),
        Column("supply", Text("Supply", "Départ"), quantity="secondary_supply_temperature"),
    ),
    no_value=Text("nothing was measured", "rien n'a été mesuré"),
    width=12,
    height=11,
)
_SIGNATURE = Panel(
    key="heat-signature",
    title=Text("Energy and degree days", "Énergie et degrés-jours"),
    about=Text(
        en="The energy of a day against its degree days (base 18 °C), a point per full day. The"
        " slope is the building's loss, the intercept its hot water: what lies above the others of"
        " its colour was wasted, what lies below was not counted or not delivered.",
        fr="Énergie d'un jour selon ses degrés-jours (base 18 °C), un point par jour entier. La"
        " pente est la déperdition du bâtiment, l'ordonnée son eau chaude : ce qui dépasse des"
        " points de sa couleur est gaspillé, ce qui est en dessous n'a été ni compté ni livré.",
    ),
    view=Scatter(x="degree_days", y="energy", by="station", size=6),
    sql=_pairs(
        "outside_temperature",
        "heat_energy",
        "site.title AS station, greatest(18 - x.value, 0) AS degree_days, y.grown AS energy",
        since=SINCE,
        every=_DAY,
    )
    + f" WHERE x.time >= {SINCE} AND x.time <= {before(UNTIL, '1 day')}"
    " ORDER BY site.title, x.time",
    columns=(
        Column("degree_days", Text("Degree days", "Degrés-jours"), unit="K", decimals=1),
        Column("energy", Text("Energy", "Énergie"), unit="kW.h", decimals=0),
    ),
    no_value=Text("no full day", "aucun jour entier"),
    empty="the time range holds no full day",
    width=12,
    height=11,
)
_ENERGY = Panel(
    key="heat-energy",
    title=Text("Energy delivered", "Énergie livrée"),
    about=Text(
        en="Energy per substation and hour (beyond three days: per day).",
        fr="Énergie par sous-station et par heure (au-delà de trois jours : par jour).",
    ),
    view=TimeSeries(draw="bars", stacked=True, soft_min=0),
    unit="kW.h",
    decimals=0,
    sql=f"""
    SELECT bucket.time, site.title AS metric, bucket.increase AS value
    FROM {readings("heat_energy", every=BAR)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was counted", "rien n'a été compté"),
    width=14,
    height=11,
)
_WATER = Panel(
    key="heat-make-up",
    title=Text("Make-up water", "Appoint d'eau"),
    about=Text(
        en="Water that each circuit was given, per hour (beyond three days: per day). A tight"
        " circuit takes a few litres a day; steady bars are a leak.",
        fr="Eau ajoutée à chaque circuit, par heure (au-delà de trois jours : par jour). Un circuit"
        " étanche prend quelques litres par jour ; des barres régulières sont une fuite.",
    ),
    view=TimeSeries(draw="bars", soft_min=0),
    unit="l",
    decimals=0,
    sql=f"""
    SELECT bucket.time, site.title AS metric, 1000 * bucket.increase AS value
    FROM {readings("make_up_water", every=BAR)} ORDER BY bucket.time, metric
    """,
    no_value=Text("nothing was counted", "rien n'a été compté"),
    width=12,
    height=10,
)
NETWORK = Section(
    key="heat-network",
    title=Text("The network", "Le réseau"),
    panels=(
        _lines(
            "supply",
            Text("Supply from the network", "Départ primaire"),
            Text(
                "Where all lines fall together the plant has stopped; one alone is its branch.",
                "Si toutes les courbes chutent, la chaufferie s'arrête ; une seule : son antenne.",
            ),
            "primary_supply_temperature",
        ),
        _lines(
            "return",
            Text("Return to the network", "Retour primaire"),
            Text(
                "A line that leaves the others upwards: fouled exchanger, or a valve that leaks.",
                "Une courbe qui monte seule : échangeur encrassé, ou vanne passante.",
            ),
            "primary_return_temperature",
        ),
        _ENERGY,
        MAP,
    ),
)
BUILDINGS = Section(
    key="heat-buildings",
    title=Text("The buildings", "Les bâtiments"),
    panels=(
        _CURVE,
        _SIGNATURE,
        _lines(
            "heating",
            Text("Supply of the heating", "Départ chauffage"),
            Text(
                "By day it follows the air outside; at night it is lowered.",
                "Le jour, il suit l'extérieur ; la nuit, il est réduit.",
            ),
            "secondary_supply_temperature",
        ),
        _lines(
            "hot-water",
            Text("Domestic hot water", "Eau chaude sanitaire"),
            Text(
                "At least 55 °C where a tank supplies it, 50 °C all along its loop (legionella).",
                "Au moins 55 °C en sortie de ballon, 50 °C dans tout le bouclage (légionelle).",
            ),
            "hot_water_temperature",
        ),
        _lines(
            "pressure",
            Text("Pressure of the circuits", "Pression des circuits"),
            Text(
                "A slow fall is a leak or an expansion vessel without gas.",
                "Une baisse lente : fuite, ou vase d'expansion dégonflé.",
            ),
            "heating_pressure",
        ),
        _WATER,
    ),
)
