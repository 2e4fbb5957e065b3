"""Forecasts as they were issued: the fan of a gauge, times to thresholds, and their skill."""

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._colours import BLUE, ORANGE, RED, YELLOW, State, scale
from dashboards._describe import Builder, Column, Panel, Section, coloured
from dashboards._flood_now import ARRIVAL, BASIS, BETWEEN, HYDROGRAPH, RECENT
from dashboards._links import site_page, skill_page
from dashboards._sql import UNTIL, before, territory
from dashboards._views import Table, Trend
from dashboards._words import Text

_QUANTILES = ", ".join(
    f"max(q.value) FILTER (WHERE q.level = {level}::real) AS {name}"
    for name, level in (
        ("median", 0.5),
        ("low80", 0.1),
        ("high80", 0.9),
        ("low90", 0.05),
        ("high90", 0.95),
    )
)
# Of the chosen gauges with a current forecast, the one nearest to its alert level.
_FAN = f"""
WITH fan AS MATERIALIZED (
    SELECT f.*, g.title, g.series, g.attention, g.alert, g.danger
    FROM forecasts_at({UNTIL}) f JOIN gauges_at({UNTIL}) g ON g.site = f.site
    WHERE f.quantity = 'level' AND f.issued IS NOT NULL AND {territory("g")}
    ORDER BY f.value - g.alert DESC NULLS LAST, g.name LIMIT 1
), point AS (
    SELECT extract(epoch FROM r.time - fan.issued)::float8 / 3600 AS hours, r.value AS level,
           NULL::real[] AS spread
    FROM fan CROSS JOIN LATERAL (
        SELECT reading.time, reading.value FROM reading
        WHERE reading.series_id = fan.series AND reading.time > {before(UNTIL, "13 hours")}
          AND reading.time <= {UNTIL} AND reading.value IS NOT NULL AND reading.quality & 7 = 0
    ) r
    UNION ALL
    SELECT 0, fan.value, array_fill(fan.value::real, ARRAY[cardinality(fan.levels)]) FROM fan
    UNION ALL
    SELECT h.ends / 3600.0, NULL, fan.quantiles[(h.place - 1) * cardinality(fan.levels) + 1
                                                :h.place * cardinality(fan.levels)]
    FROM fan CROSS JOIN unnest(fan.horizons) WITH ORDINALITY h (ends, place)
)
SELECT fan.title AS station, point.hours, max(point.level) AS level,
       {_QUANTILES},
       fan.attention, fan.alert, fan.danger
FROM fan CROSS JOIN point
LEFT JOIN LATERAL unnest(fan.levels, point.spread) q (level, value) ON q.value < 'Infinity'
GROUP BY 1, 2, fan.attention, fan.alert, fan.danger ORDER BY 2
"""


def _edge(name: str, to: str = "", fill: int = 0, title: Text | str = "") -> Column:
    return Column(name, title, colour=BLUE, line_width=0, fill_to=to, fill=fill)


def _limit(name: str, en: str, fr: str, colour: str) -> Column:
    return Column(name, Text(en, fr), colour=colour, dashed=True, line_width=1)


def _keep_lower_edges_from_legend(builder: Builder) -> Builder:
    hidden = {"legend": True, "tooltip": False, "viz": False}
    return builder.override_by_regexp(
        "/^low/", [sdk.DynamicConfigValue(id_val="custom.hideFrom", value=hidden)]
    )


_FAN_PANEL = Panel(
    key="flood-forecast",
    title=Text(
        "Forecast: the gauge nearest to its alert", "Prévision : station la plus proche de l'alerte"
    ),
    about=Text(
        en="Experimental: Vigicrues is the authority. Of the selected gauges with a current"
        " forecast, the one nearest to its alert level, or farthest above (select a site to see"
        " another): its level, and the forecast as it was issued at hour 0: median, and the ranges"
        " that should hold 8 and 9 times in 10. How often they did: below, and in the console.",
        fr="Expérimental : Vigicrues fait autorité. Parmi les stations choisies qui ont une"
        " prévision à jour, la plus proche de son niveau d'alerte, ou celle qui le dépasse le plus"
        " (choisir un site pour en voir une autre) : sa hauteur, et la prévision telle qu'émise à"
        " l'heure 0 : médiane, et fourchettes qui devraient tenir 8 et 9 fois sur 10. Combien de"
        " fois elles ont tenu : plus bas, et dans la console.",
    ),
    view=Trend(
        x="hours",
        by="station",
        lines=(
            "level",
            "median",
            "low80",
            "high80",
            "low90",
            "high90",
            "attention",
            "alert",
            "danger",
        ),
    ),
    sql=_FAN,
    quantity="level",
    columns=(
        Column(
            "hours",
            Text("hours from its issue", "heures depuis l'émission"),
            unit="number",
            decimals=1,
        ),
        Column("level", "${__series.name}", colour=BLUE, line_width=2),
        Column("median", Text("median", "médiane"), colour=BLUE, line_width=2, dashed=True),
        _edge("low80"),
        _edge("high80", "low80", 25, "80 %"),
        _edge("low90"),
        _edge("high90", "low90", 15, "90 %"),
        _limit("attention", "attention", "attention", YELLOW),
        _limit("alert", "alert", "alerte", ORANGE),
        _limit("danger", "danger", "danger", RED),
    ),
    refine=_keep_lower_edges_from_legend,
    no_value=Text("no forecast is current", "aucune prévision à jour"),
    empty="forecasts may never have been fitted",
    width=24,
    height=11,
)
_THRESHOLDS = (
    State("danger", Text("danger", "danger"), RED, "■"),
    State("alert", Text("alert", "alerte"), ORANGE, "◆"),
    State("attention", Text("attention", "attention"), YELLOW, "▲"),
)
_CROSSINGS = Panel(
    key="flood-crossings",
    title=Text("Thresholds, by the time that is left", "Seuils, par délai de franchissement"),
    about=Text(
        en="Thresholds above the water that the forecast (experimental, Vigicrues is the"
        " authority) or the straight line gets to within 24 h. Between: the forecast's 80 % range;"
        " without “crossed in”: possible, more likely not within the forecast. Held: how often"
        " that range held in past floods, so far ahead.",
        fr="Seuils encore au-dessus de l'eau que la prévision (expérimentale, Vigicrues fait"
        " autorité) ou la droite atteint sous 24 h. Entre : la fourchette à 80 % de la prévision ;"
        " sans « franchi dans » : possible, plutôt non dans la durée de la prévision. Tenue :"
        " combien de fois cette fourchette a tenu lors des crues passées, à cette échéance.",
    ),
    view=Table(),
    sql=f"""
            SELECT r.gauge AS site, r.title AS station, r.threshold, r.due_h, {BETWEEN}, {BASIS},
                   r.inside, r.margin
            FROM crossings_at({UNTIL}) r JOIN site g ON g.name = r.gauge
            WHERE r.read_at > {RECENT} AND {territory("g")}
            ORDER BY coalesce(r.due_h, r.until_h), r.title
            """,
    columns=(
        Column("site", hidden=True),
        Column("station", Text("Gauge", "Station"), links=(site_page(), HYDROGRAPH, skill_page())),
        Column("threshold", Text("Threshold", "Seuil"), states=_THRESHOLDS, cell="background"),
        Column("due_h", Text("Crossed in", "Franchi dans"), unit="h", decimals=1),
        *ARRIVAL,
        Column("inside", Text("Held", "Tenue"), unit="share", decimals=0),
        coloured("margin", Text("Margin", "Écart"), "m", scale(BLUE, (0, RED)), decimals=2),
    ),
    no_value=Text("no threshold is about to be crossed", "aucun seuil sur le point d'être franchi"),
    empty="the water may rise nowhere",
    width=24,
    height=12,
)
_SKILL = Panel(
    key="flood-skill",
    title=Text("Forecast skill, by how far ahead", "Fiabilité des prévisions, par échéance"),
    about=Text(
        en="What forecasts of the selected gauges were worth on floods that they had not seen,"
        " where they are shown. Lead: median, from the warning to the crossing. POD: crossings"
        " warned of. FAR: warnings after which nothing came. CSI: crossings warned of among all"
        " crossings and false warnings. Held: how often what came in floods lay within the 80 %"
        " and 90 % range."
        " The console opens the events behind each number.",
        fr="Ce que valaient les prévisions des stations choisies sur des crues qu'elles n'avaient"
        " pas vues, là où elles sont affichées. Anticipation : médiane, de l'avertissement au"
        " franchissement. POD : franchissements annoncés. FAR : avertissements sans suite. CSI :"
        " franchissements annoncés parmi tous les franchissements et fausses alertes. Tenue :"
        " combien de fois la mesure en crue était dans la fourchette à 80 % et à 90 %. La console"
        " ouvre les événements derrière chaque chiffre.",
    ),
    view=Table(),
    sql=f"""
            WITH fit AS (
                SELECT DISTINCT ON (k.site, k.quantity) k.site, k.result FROM forecast_skill k
                WHERE k.effective <= {UNTIL} AND k.quantity = 'level'
                ORDER BY k.site, k.quantity, k.effective DESC, k.id DESC
            ), shown AS (
                SELECT (h.value->>'horizon')::float8 / 3.6e9 AS hours, m.value AS method,
                       (m.value->>'rows')::float8 AS forecasts,
                       (m.value->'covered'->>'80')::float8 AS held_80,
                       (m.value->'covered'->>'90')::float8 AS held_90
                FROM fit JOIN site g ON g.id = fit.site
                CROSS JOIN LATERAL jsonb_array_elements(fit.result->'horizons') h
                CROSS JOIN LATERAL jsonb_array_elements(h.value->'methods') m
                WHERE jsonb_typeof(h.value->'closed') = 'null' AND m.value->>'method' = 'chosen'
                  AND {territory("g")}
            ), told AS (
                SELECT hours, count(*) AS gauges, sum((method->'tally'->>'events')::int) AS events,
                       sum((method->'tally'->>'warnings')::int) AS warnings,
                       sum((method->'tally'->>'false_alarms')::int) AS wrong,
                       sum(jsonb_array_length(method->'tally'->'leads')) AS hits,
                       sum(forecasts * held_80) / nullif(sum(forecasts), 0) AS held_80,
                       sum(forecasts * held_90) / nullif(sum(forecasts), 0) AS held_90
                FROM shown GROUP BY hours
            )
            SELECT told.hours, told.gauges, told.events, (
                       SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lead.value::text::float8)
                       FROM shown
                       CROSS JOIN LATERAL jsonb_array_elements(shown.method->'tally'->'leads') lead
                       WHERE shown.hours = told.hours) / 3.6e9 AS lead,
                   told.hits::float8 / nullif(told.events, 0) AS pod,
                   told.wrong::float8 / nullif(told.warnings, 0) AS far,
                   told.hits::float8 / nullif(told.events + told.wrong, 0) AS csi,
                   told.held_80, told.held_90
            FROM told ORDER BY told.hours
            """,
    columns=(
        Column("hours", Text("Ahead", "Échéance"), unit="h", decimals=1),
        Column("gauges", Text("Gauges", "Stations"), unit="count", decimals=0),
        Column("events", Text("Crossings", "Franchissements"), unit="count", decimals=0),
        Column("lead", Text("Lead", "Anticipation"), unit="h", decimals=1),
        *(Column(name, name.upper(), unit="share", decimals=0) for name in ("pod", "far", "csi")),
        Column("held_80", Text("80 % held", "80 % tenue"), unit="share", decimals=0),
        Column("held_90", Text("90 % held", "90 % tenue"), unit="share", decimals=0),
    ),
    no_value=Text("no forecast is shown", "aucune prévision affichée"),
    empty="forecasts may never have been fitted",
    timeless="what a fit measured lies in the past",
    width=24,
    height=8,
)
SECTION = Section(
    key="flood-forecast-section",
    title=Text("Forecasts (experimental)", "Prévisions (expérimentales)"),
    panels=(_FAN_PANEL, _CROSSINGS, _SKILL),
)
