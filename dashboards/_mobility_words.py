"""Mobility: the words and colours of its states, and the figures that its checks share.

Congestion by the site's own thresholds; the other figures are settings of practice.
"""

from dashboards._colours import GREEN, GREY, ORANGE, RED, VIOLET, YELLOW, State, Step
from dashboards._field_alarms import AMBER
from dashboards._sql import EVERY, SINCE, UNTIL
from dashboards._words import Text

SLATE = "#5f7186"  # an empty road: at night it is nothing

ROAD = (
    State(value="jammed", text=Text(en="jammed", fr="congestionné"), colour=RED, symbol="■"),
    State(value="dense", text=Text(en="dense", fr="dense"), colour=ORANGE, symbol="◆"),
    State(
        value="locked",
        text=Text(en="loop locked", fr="boucle verrouillée"),
        colour=VIOLET,
        symbol="?",
    ),
    State(value="silent", text=Text(en="silent", fr="muet"), colour=GREY, symbol="✕"),
    State(
        value="empty", text=Text(en="nothing passes", fr="aucun passage"), colour=SLATE, symbol="○"
    ),
    State(value="free", text=Text(en="free", fr="fluide"), colour=GREEN, symbol="●"),
)
VERDICT = (
    State(value="valid", text=Text(en="passes", fr="valide"), colour=GREEN, symbol="●"),
    State(
        value="missing",
        text=Text(en="fails: too little received", fr="rejeté : trop peu reçu"),
        colour=RED,
        symbol="✕",
    ),
    State(
        value="still",
        text=Text(en="fails: unchanged all day", fr="rejeté : figé toute la journée"),
        colour=RED,
        symbol="■",
    ),
    State(
        value="full",
        text=Text(en="fails: occupied too often", fr="rejeté : occupé trop souvent"),
        colour=RED,
        symbol="■",
    ),
    State(
        value="zero",
        text=Text(en="fails: empty too often", fr="rejeté : vide trop souvent"),
        colour=RED,
        symbol="□",
    ),
    State(
        value="against",
        text=Text(en="fails: occupied, no flow", fr="rejeté : occupé sans débit"),
        colour=ORANGE,
        symbol="◆",
    ),
    State(
        value="idle",
        text=Text(en="fails: no vehicle for 4 h", fr="rejeté : aucun véhicule en 4 h"),
        colour=ORANGE,
        symbol="▲",
    ),
)
KEPT = (  # speed as a share of the free one, %; none where nothing passes
    Step(at=None, colour=GREY),
    Step(at=0, colour=RED),
    Step(at=40, colour=ORANGE),
    Step(at=70, colour=AMBER),
    Step(at=85, colour=GREEN),
)
LOAD = (  # flow over capacity, %
    Step(at=None, colour=GREEN),
    Step(at=75, colour=YELLOW),
    Step(at=90, colour=ORANGE),
    Step(at=100, colour=RED),
)

COURSE = f"road_course({SINCE}, {UNTIL}, road_every({EVERY}))"
ZONE = "(SELECT timezone FROM instance)"
# The last day of which the hours of the checks, 05 to 22 h, are over.
CHECKED_DAY = f"date_trunc('day', {UNTIL} - interval '22 hours', {ZONE})"
