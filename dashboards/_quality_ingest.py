"""Devices to look at, and ingest itself: volume, delay, refusals, gaps."""

from dashboards._alarms_now import DOMAINS
from dashboards._colours import FEW_IS_GOOD, GREEN, ORANGE, RED, VIOLET, State, scale
from dashboards._describe import Column, Panel, Section, coloured
from dashboards._lanes import DOUBTS
from dashboards._links import site_page
from dashboards._quality_now import DEVICES
from dashboards._sql import BAR, EVER, SINCE, UNTIL, before, hours, latest, series_of
from dashboards._views import Stat, Table, Timeline, TimeSeries
from dashboards._words import Text

_UNIT = (
    f"(CASE WHEN {UNTIL} - {SINCE} <= interval '8 days' THEN interval '1 hour'"
    " ELSE interval '1 day' END)"
)
_LISTENING = (
    State("interrupted", Text("interrupted", "interrompu"), VIOLET, "✕"),
    State("listening", Text("listening", "à l'écoute"), GREEN, "●"),
)

_VOLUME = Panel(
    key="quality-volume",
    title=Text("Readings per hour", "Mesures par heure"),
    about=Text(
        en="Valid readings per hour of measurement, by domain (mean of longer intervals). This is"
        " the load of the storage, steady in normal operation.",
        fr="Mesures valides par heure de mesure et par domaine (moyenne des intervalles plus"
        " longs). C'est la charge du stockage, régulière en marche normale.",
    ),
    view=TimeSeries(stacked=True, fill=50, step=True, soft_min=0),
    sql=f"""
    SELECT greatest(piece.time, {SINCE}) AS time, piece.domain AS metric,
           piece.count / CASE {_UNIT} WHEN interval '1 day' THEN 24.0::float8 ELSE 1 END AS value
    FROM volume_by({series_of()}, {before(SINCE, "1 hour")}, {UNTIL}, {_UNIT}) AS piece
    WHERE piece.time + {_UNIT} <= {UNTIL} ORDER BY 1, 2
    """,
    unit="count",
    decimals=0,
    columns=tuple(Column(str(state.value), state.text, colour=state.colour) for state in DOMAINS),
    empty="no full hour in the time range",
    width=12,
    height=9,
)
_LATE = Panel(
    key="quality-late",
    title=Text("Delay from measurement to arrival", "De la mesure à l'arrivée"),
    about=Text(
        en="Time from measurement to arrival over the last hour of the time range, by domain:"
        " median, 95th percentile, maximum. Imported history is left out.",
        fr="Délai entre la mesure et l'arrivée sur la dernière heure de la période, par domaine :"
        " médiane, 95e centile, maximum. Sans l'historique importé.",
    ),
    view=Table(),
    sql=f"""
            WITH {DEVICES}
            SELECT devices.domain, count(*) AS readings,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY
                       extract(epoch FROM reading.received_at - reading.time)::float8) AS half,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY
                       extract(epoch FROM reading.received_at - reading.time)::float8) AS most,
                   max(extract(epoch FROM reading.received_at - reading.time))::float8 AS longest
            FROM reading JOIN devices ON devices.series = reading.series_id
            WHERE reading.series_id = ANY (ARRAY (SELECT series FROM devices))
              AND reading.time > {before(UNTIL, "1 hour")} AND reading.time <= {UNTIL}
              AND reading.received_at IS NOT NULL GROUP BY 1 ORDER BY 1
            """,
    columns=(
        Column("domain", Text("Domain", "Domaine"), states=DOMAINS, cell="text"),
        Column("readings", Text("Readings", "Mesures"), unit="count"),
        Column("half", Text("Median", "Médiane"), unit="s", decimals=1),
        Column("most", Text("19 of 20 within", "19 sur 20 en"), unit="s", decimals=1),
        Column("longest", Text("Longest", "Plus long"), unit="s", decimals=1),
    ),
    no_value=Text("nothing arrived in that hour", "rien n'est arrivé dans cette heure"),
    empty="nothing arrived in the last hour",
    width=12,
    height=9,
)
_INTERRUPTIONS = Panel(
    key="quality-interruptions",
    title=Text("Interruptions of ingest", "Interruptions de l'ingestion"),
    about=Text(
        en="State of each ingest worker. During an interruption messages wait in the broker, and"
        " no device counts as silent.",
        fr="État de chaque processus d'ingestion. Pendant une interruption, les messages attendent"
        " chez le broker et aucun appareil n'est compté comme muet.",
    ),
    view=Timeline(lane="worker"),
    sql=f"""
    SELECT span.time, span.worker, span.state FROM (
        SELECT greatest(worker.joined_at, {SINCE}) AS time, worker.name AS worker,
               'listening' AS state
        FROM worker WHERE worker.joined_at <= {UNTIL}
          AND coalesce(worker.drained_at, 'infinity') > {SINCE}
        UNION ALL
        SELECT greatest(from_at, {SINCE}), worker, 'interrupted' FROM ingest_gap
        WHERE from_at <= {UNTIL} AND to_at > {SINCE}
        UNION ALL
        SELECT to_at, worker, 'listening' FROM ingest_gap
        WHERE to_at <= {UNTIL} AND to_at > {SINCE}
    ) AS span ORDER BY 1, span.state DESC
    """,
    states=_LISTENING,
    no_value=Text("no worker", "aucun processus"),
    empty="no worker in the time range",
    width=18,
    height=5,
)
_BEHIND = Panel(
    key="quality-rollup",
    title=Text("Not rolled up yet", "À agréger encore"),
    about=Text(
        en="How far the roll-ups by hour and day lie behind the end of the time shown. What they"
        " lack every panel takes from the readings: right, but slower. Up to two hours are usual;"
        " more after an import or a fast replay, or when the evaluation does not run.",
        fr="Retard des agrégats horaires et journaliers sur la fin de la période affichée. Ce qui"
        " leur manque, chaque panneau le prend dans les mesures : juste, mais plus lent. Jusqu'à"
        " deux heures, c'est normal ; davantage après un import ou un rejeu rapide, ou quand"
        " l'évaluation ne tourne pas.",
    ),
    view=Stat(colour="background"),
    sql=f"""
    SELECT coalesce(extract(epoch FROM {UNTIL} - lower(
        rollup_stale() * tstzmultirange(tstzrange({SINCE}, {UNTIL}))))::float8, -1) AS behind
    """,
    unit="duration",
    steps=scale(GREEN, (2 * 3600, ORANGE), (86400, RED)),
    states=(State(-1, Text("up to date", "à jour"), GREEN),),
    width=6,
    height=5,
)
_REFUSED = Panel(
    key="quality-refused",
    title=Text("Refused, by reason", "Refusés, par motif"),
    about=Text(
        "Messages that could not be processed, by time of arrival and reason.",
        "Messages qui n'ont pu être traités, selon leur arrivée et le motif.",
    ),
    view=TimeSeries(draw="bars", stacked=True, soft_min=0),
    sql=f"""
    SELECT time_bucket({BAR}, received_at) AS time, reason AS metric,
           count(*)::float8 AS value
    FROM dead_letter WHERE $__timeFilter(received_at) GROUP BY 1, 2 ORDER BY 1, 2
    """,
    unit="count",
    decimals=0,
    no_value=Text("nothing was refused", "rien n'a été refusé"),
    empty="nothing was refused",
    width=12,
    height=9,
)
_LETTERS = Panel(
    key="quality-reasons",
    title=Text("Dead letters, by reason", "Messages refusés, par motif"),
    about=Text(
        en="By reason: waiting and replayed messages, number of topics, time of the last one, and"
        " the detail of the newest. Replay them in the console.",
        fr="Par motif : messages en attente et rejoués, nombre de topics, heure du dernier, et"
        " détail du plus récent. On les rejoue depuis la console.",
    ),
    view=Table(),
    sql=f"""
    SELECT reason, count(*) FILTER (
               WHERE replayed_at IS NULL OR replayed_at > {UNTIL}) AS waiting,
           count(*) FILTER (WHERE replayed_at <= {UNTIL}) AS replayed,
           count(DISTINCT topic) AS topics, max(received_at) AS last,
           (array_agg(detail ORDER BY id DESC))[1] AS detail
    FROM dead_letter WHERE received_at <= {UNTIL} GROUP BY 1 ORDER BY 2 DESC, 5 DESC
    """,
    columns=(
        Column("reason", Text("Reason", "Motif")),
        coloured("waiting", Text("Waiting", "En attente"), "count", FEW_IS_GOOD),
        Column("replayed", Text("Replayed", "Rejoués"), unit="count"),
        Column("topics", Text("Topics", "Sujets"), unit="count"),
        Column("last", Text("Last", "Dernier"), unit="date"),
        Column("detail", Text("Detail of the newest", "Détail du plus récent")),
    ),
    no_value=Text("nothing was refused", "rien n'a été refusé"),
    empty="nothing was ever refused",
    width=24,
    height=7,
)
_WORKERS = Panel(
    key="quality-workers",
    title=Text("Ingest workers", "Ouvriers d'ingestion"),
    about=Text(
        en="Since the start of each worker: messages, readings, refusals and retried transactions;"
        " and the age of its last heartbeat at the end of the time range.",
        fr="Depuis le démarrage de chaque processus : messages, mesures, refus, transactions"
        " reprises ; et l'âge de son dernier battement à la fin de la période.",
    ),
    view=Table(),
    sql=f"""
    SELECT name AS worker, messages, rows AS readings, refused, retries,
           greatest(0, extract(epoch FROM {UNTIL} - heartbeat_at))::float8 AS age
    FROM worker WHERE drained_at IS NULL ORDER BY name
    """,
    columns=(
        Column("worker", Text("Worker", "Processus")),
        Column("messages", Text("Messages", "Messages"), unit="count"),
        Column("readings", Text("Readings", "Mesures"), unit="count"),
        coloured("refused", Text("Refused", "Refusés"), "count", FEW_IS_GOOD),
        coloured(
            "retries",
            Text("Retries", "Reprises"),
            "count",
            scale(GREEN, (1, ORANGE), (100, RED)),
        ),
        Column("age", Text("Heartbeat", "Dernier battement"), unit="duration"),
    ),
    no_value=Text("no worker", "aucun processus"),
    width=12,
    height=9,
)
SECTION = Section(
    key="quality-ingest",
    title=Text("Ingest", "Ingestion"),
    panels=(_VOLUME, _LATE, _INTERRUPTIONS, _BEHIND, _REFUSED, _WORKERS, _LETTERS),
)


_STATES = (
    State("never", Text("never received", "jamais reçu"), RED, "✕"),
    State("silent", Text("silent", "muet"), VIOLET, "✕"),
)
_WHO = (
    Column("site", hidden=True),
    Column("device", Text("Device", "Appareil")),
    Column("place", Text("Site", "Site"), links=(site_page(),)),
    Column("domain", Text("Domain", "Domaine"), states=DOMAINS, cell="text"),
)

_SILENT_DEVICES = Panel(
    key="quality-silent-devices",
    title=Text("Silent devices", "Appareils muets"),
    about=Text(
        en="Devices in service and silent for longer than their limit, the longest (as a multiple"
        " of the limit) first. Click a site to open it.",
        fr="Appareils en service et muets depuis plus longtemps que leur délai, le plus long (en"
        " multiple du délai) d'abord. Un clic ouvre le site.",
    ),
    view=Table(filterable=True),
    sql=f"""
            WITH {DEVICES}
            SELECT CASE WHEN heard_at IS NULL THEN 'never' ELSE 'silent' END AS state,
                   name AS device, place, domain, heard_at AS heard,
                   extract(epoch FROM {UNTIL} - heard_at)::float8 AS lasts, limit_s AS allowed,
                   site_name AS site
            FROM devices WHERE silent AND NOT switched
            ORDER BY extract(epoch FROM {UNTIL} - heard_at) / limit_s DESC NULLS FIRST, name
            LIMIT 200
            """,
    columns=(
        Column("state", Text("State", "État"), states=_STATES, cell="background"),
        *_WHO,
        Column("heard", Text("Last heard", "Dernière mesure"), unit="date"),
        Column("lasts", Text("Silent for", "Muet depuis"), unit="duration"),
        Column("allowed", Text("Allowed", "Délai"), unit="duration"),
    ),
    no_value=Text("all devices report", "tous les appareils émettent"),
    empty="every device reports",
    width=24,
    height=9,
)
_DOUBTFUL = Panel(
    key="quality-doubtful",
    title=Text("Doubtful devices", "Appareils douteux"),
    about=Text(
        en="Devices that report but have a problem: over the last 24 h the share received of the"
        " expected readings, suspect readings, messages with a wrong time; battery. The worst"
        " first.",
        fr="Appareils qui émettent mais posent problème : sur les dernières 24 h, part reçue des"
        " mesures attendues, mesures écartées, messages à l'heure fausse ; batterie. Le pire"
        " d'abord.",
    ),
    view=Table(filterable=True),
    sql=f"""
            WITH {DEVICES}, day AS (
                SELECT bucket.series_id, sum(bucket.count) AS came FROM readings_by(
                    ARRAY(SELECT series FROM devices WHERE NOT switched),
                    {UNTIL} - interval '24 hours', {UNTIL}, interval '1 hour') AS bucket GROUP BY 1
            ), suspect AS (
                SELECT series.device, sum(hour.count) AS n
                FROM suspects_by({series_of()}, {before(UNTIL, "24 hours")}, {UNTIL},
                                 interval '1 hour') AS hour
                JOIN series ON series.id = hour.series_id GROUP BY 1
            ), clock AS (
                SELECT series.device, sum(hour.sum) AS n
                FROM {hours(series_of("clock_fault"), before(UNTIL, "24 hours"))} AS hour
                JOIN series ON series.id = hour.series_id GROUP BY 1
            ), charge AS MATERIALIZED (
                SELECT series.device, latest.last FROM {latest("battery", since=EVER)}
            ), told AS (
                SELECT devices.*,
                       CASE WHEN NOT devices.switched THEN
                           least(1, coalesce(day.came, 0) * devices.interval_s / 86400)
                       END AS share,
                       coalesce(suspect.n, 0) AS suspect, coalesce(clock.n, 0) AS clock,
                       charge.last AS battery
                FROM devices LEFT JOIN day ON day.series_id = devices.series
                LEFT JOIN suspect ON suspect.device = devices.device
                LEFT JOIN clock ON clock.device = devices.device
                LEFT JOIN charge ON charge.device = devices.device
                WHERE NOT devices.silent OR devices.switched
            )
            SELECT name AS device, place, domain, share::float8 AS received,
                   suspect::float8 AS suspect, clock::float8 AS clock, battery, site_name AS site
            FROM told WHERE share < 0.95 OR suspect > 0 OR clock > 0 OR battery < 20
            ORDER BY clock > 0 DESC, suspect DESC, share NULLS LAST, battery NULLS LAST, name
            LIMIT 200
            """,
    columns=(*_WHO, *DOUBTS),
    no_value=Text("none", "aucun"),
    empty="no device is doubtful",
    width=24,
    height=10,
)
DEVICES_SECTION = Section(
    key="quality-devices",
    title=Text("Devices to check", "Appareils à vérifier"),
    panels=(_SILENT_DEVICES, _DOUBTFUL),
)
