"""Data quality, now and over time: received share, suspect readings."""

from dashboards._alarms_now import DOMAINS, name_domain
from dashboards._colours import FEW_IS_GOOD, GREEN, ORANGE, RED, VIOLET, scale
from dashboards._describe import Column, Panel, Section
from dashboards._sql import BAR, EVER, SINCE, UNTIL, before, latest, series_of, territory
from dashboards._views import Stat, StatusHistory, TimeSeries
from dashboards._words import Text

# The devices of the chosen sites at the end of the time shown.
DEVICES = f"""
devices AS MATERIALIZED (
    SELECT own.*, site.domain, site.name AS site_name, site.title AS place,
           own.heard_at IS NULL
               OR {UNTIL} - own.heard_at > make_interval(secs => own.limit_s) AS silent
    FROM devices_at({UNTIL}, {{{{cadence}}}}) AS own JOIN site ON site.id = own.site
    WHERE {territory()}
)
"""
# Full intervals only: the current one is incomplete.
_CAME = f"""
came AS (
    SELECT devices.domain, bucket.time, sum(least(bucket.count,
               extract(epoch FROM readings_step({BAR})) / devices.interval_s))::float8 AS n
    FROM readings_by(ARRAY(SELECT series FROM devices WHERE NOT switched), {SINCE}, {UNTIL},
                     {BAR}) AS bucket JOIN devices ON devices.series = bucket.series_id
    WHERE bucket.time + readings_step({BAR}) <= {UNTIL} GROUP BY 1, 2
)
"""

_RECEIVED = Panel(
    key="quality-received",
    title=Text("Received", "Reçu, 24 h"),
    about=Text(
        en="Share of the readings expected in the last 24 h of the time range that were received"
        " and are valid; each device by its most frequent quantity. Without lamps that are fed"
        " only at night.",
        fr="Part reçue et valide des mesures attendues sur les dernières 24 h de la période ;"
        " chaque appareil par sa grandeur la plus fréquente. Sans les luminaires alimentés de nuit"
        " seulement.",
    ),
    view=Stat(colour="background"),
    sql=f"""
            WITH {DEVICES}, day AS (
                SELECT bucket.series_id, sum(bucket.count) AS came FROM readings_by(
                    ARRAY(SELECT series FROM devices WHERE NOT switched),
                    {UNTIL} - interval '24 hours', {UNTIL}, interval '1 hour') AS bucket GROUP BY 1
            )
            SELECT avg(least(1, coalesce(day.came, 0) * devices.interval_s / 86400))::float8
                AS share
            FROM devices LEFT JOIN day ON day.series_id = devices.series WHERE NOT devices.switched
            """,
    unit="share",
    decimals=1,
    steps=scale(RED, (0.9, ORANGE), (0.98, GREEN)),
    no_value=Text("no device", "aucun appareil"),
    width=4,
    height=5,
)
_SILENT = Panel(
    key="quality-silent",
    title=Text("Silent", "Muets"),
    about=Text(
        en="Devices in service without a valid reading for longer than their limit, at the end of"
        " the time range; and the number of devices in service. Without lamps that are fed only at"
        " night.",
        fr="Appareils en service sans mesure valide depuis plus longtemps que leur délai, à la fin"
        " de la période ; et nombre d'appareils en service. Sans les luminaires alimentés de nuit"
        " seulement.",
    ),
    view=Stat(text="value_and_name"),
    sql=f"""
            WITH {DEVICES}
            SELECT count(*) FILTER (WHERE silent) AS silent, count(*) AS devices
            FROM devices WHERE NOT switched
            """,
    unit="count",
    columns=(
        Column("silent", Text("silent", "muets"), steps=scale(GREEN, (1, VIOLET))),
        Column("devices", Text("in use", "en service"), colour="text"),
    ),
    width=4,
    height=5,
)
_SUSPECT = Panel(
    key="quality-suspect",
    title=Text("Suspect", "Écartées"),
    about=Text(
        en="Suspect readings of the time range: out of range, stuck, jumping, or invalidated by a"
        " person. They are kept, but no figure and no rule uses them.",
        fr="Mesures suspectes de la période : hors plage, figées, en saut, ou invalidées par une"
        " personne. Elles sont gardées, mais aucun chiffre ni aucune règle ne les utilise.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT coalesce(sum(hour.count), 0)::float8 AS suspect
    FROM suspects_by({series_of()}, {before(SINCE, "1 hour")}, {UNTIL}, interval '1 hour') AS hour
    """,
    unit="count",
    steps=FEW_IS_GOOD,
    width=4,
    height=5,
)
_LETTERS = Panel(
    key="quality-letters",
    title=Text("Refused", "Refusés"),
    about=Text(
        en="Messages that could not be processed and have not been replayed; none is lost. Reasons"
        " are listed below, the messages in the console.",
        fr="Messages non traités et pas encore rejoués ; aucun n'est perdu. Les motifs sont plus"
        " bas, les messages dans la console.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT count(*) AS waiting FROM dead_letter
    WHERE received_at <= {UNTIL} AND (replayed_at IS NULL OR replayed_at > {UNTIL})
    """,
    unit="count",
    steps=FEW_IS_GOOD,
    width=4,
    height=5,
)
_CLOCKS = Panel(
    key="quality-clocks",
    title=Text("Clocks", "Horloges"),
    about=Text(
        en="Devices with messages refused in the time range because their time lay in the future"
        " or too far in the past.",
        fr="Appareils dont des messages de la période ont été refusés pour leur heure : dans le"
        " futur ou trop loin dans le passé.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT count(DISTINCT device.id) AS devices FROM {latest("clock_fault")}
    """,
    unit="count",
    steps=FEW_IS_GOOD,
    width=4,
    height=5,
)
_BATTERIES = Panel(
    key="quality-batteries",
    title=Text("Batteries", "Batteries"),
    about=Text(
        en="Devices whose battery was below 20 % at the last reading before the end of the time"
        " range.",
        fr="Appareils dont la batterie était sous 20 % à la dernière mesure avant la fin de la"
        " période.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT count(*) FILTER (WHERE latest.last < 20) AS low
    FROM {latest("battery", since=EVER, where="device.retired IS NULL")}
    """,
    unit="count",
    steps=FEW_IS_GOOD,
    width=4,
    height=5,
)
_SHARE = Panel(
    key="quality-share",
    title=Text("Received share of expected readings, by domain", "Reçu sur attendu, par domaine"),
    about=Text(
        en="Share of the readings expected in each full hour (beyond three days: a day; beyond a"
        " hundred: a week) that were received and are valid. A column of gaps points to the"
        " server, a row to a gateway or network.",
        fr="Part reçue et valide des mesures attendues dans chaque heure pleine (au-delà de trois"
        " jours : jour ; de cent : semaine). Une colonne de trous indique le serveur, une ligne"
        " une passerelle ou un réseau.",
    ),
    view=StatusHistory(lane="domain"),
    sql=f"""
            WITH {DEVICES}, {_CAME}, piece AS (SELECT DISTINCT came.time FROM came), due AS (
                SELECT domain,
                       sum(extract(epoch FROM readings_step({BAR}))::float8 / interval_s) AS n
                FROM devices WHERE NOT switched GROUP BY 1
            )
            SELECT piece.time, {name_domain("due.domain")} AS domain,
                   100 * coalesce(came.n, 0) / due.n AS state
            FROM piece CROSS JOIN due
            LEFT JOIN came ON came.time = piece.time AND came.domain = due.domain ORDER BY 1, 2
            """,
    unit="%",
    decimals=0,
    steps=scale(RED, (90, ORANGE), (98, GREEN)),
    empty="no full hour in the time range",
    width=12,
    height=9,
)
_DOUBTED = Panel(
    key="quality-doubted",
    title=Text("Suspect readings, by domain", "Mesures écartées, par domaine"),
    about=Text(
        en="Number of suspect readings an hour (beyond three days: a day; beyond a hundred: a"
        " week). A burst comes from one faulty device or from a person who invalidated a span.",
        fr="Nombre de mesures écartées par heure (au-delà de trois jours : par jour ; de cent :"
        " par semaine). Une bouffée vient d'un appareil déréglé ou d'une personne qui a invalidé"
        " une plage.",
    ),
    view=TimeSeries(draw="bars", stacked=True, soft_min=0),
    sql=f"""
    SELECT piece.time, site.domain AS metric,
           sum(piece.count)::float8 AS value
    FROM suspects_by({series_of()}, {before(SINCE, "1 hour")}, {UNTIL}, {BAR}) AS piece
    JOIN series ON series.id = piece.series_id JOIN device ON device.id = series.device
    JOIN site ON site.id = device.site GROUP BY 1, 2 ORDER BY 1, 2
    """,
    unit="count",
    decimals=0,
    columns=tuple(Column(str(state.value), state.text, colour=state.colour) for state in DOMAINS),
    no_value=Text("no reading set aside", "aucune mesure écartée"),
    empty="every reading was valid",
    width=12,
    height=9,
)
SECTION = Section(
    key="quality-now",
    title=Text("Data quality", "Qualité des données"),
    panels=(_RECEIVED, _SILENT, _SUSPECT, _LETTERS, _CLOCKS, _BATTERIES, _SHARE, _DOUBTED),
)
