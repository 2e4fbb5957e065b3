"""Mobility: the words and colours of its states, and the figures that its checks share.

Congestion by the site's own thresholds; the other figures are settings of practice.
"""

from dashboards._colours import GREEN, GREY, ORANGE, RED, VIOLET, YELLOW, State, scale
from dashboards._field_alarms import AMBER
from dashboards._sql import EVERY, SINCE, UNTIL
from dashboards._words import Text

SLATE = "#5f7186"  # an empty road: at night it is nothing

ROAD = (
    State("jammed", Text("jammed", "congestionné"), RED, "■"),
    State("dense", Text("dense", "dense"), ORANGE, "◆"),
    State("locked", Text("loop locked", "boucle verrouillée"), VIOLET, "?"),
    State("silent", Text("silent", "muet"), GREY, "✕"),
    State("empty", Text("nothing passes", "aucun passage"), SLATE, "○"),
    State("free", Text("free", "fluide"), GREEN, "●"),
)
VERDICT = (
    State("valid", Text("passes", "valide"), GREEN, "●"),
    State("missing", Text("fails: too little received", "rejeté : trop peu reçu"), RED, "✕"),
    State("still", Text("fails: unchanged all day", "rejeté : figé toute la journée"), RED, "■"),
    State("full", Text("fails: occupied too often", "rejeté : occupé trop souvent"), RED, "■"),
    State("zero", Text("fails: empty too often", "rejeté : vide trop souvent"), RED, "□"),
    State("against", Text("fails: occupied, no flow", "rejeté : occupé sans débit"), ORANGE, "◆"),
    State("idle", Text("fails: no vehicle for 4 h", "rejeté : aucun véhicule en 4 h"), ORANGE, "▲"),
)
KEPT = scale(  # speed as a share of the free one, %; none where nothing passes
    GREY, (0, RED), (40, ORANGE), (70, AMBER), (85, GREEN)
)
LOAD = scale(  # flow over capacity, %
    GREEN, (75, YELLOW), (90, ORANGE), (100, RED)
)

COURSE = f"road_course({SINCE}, {UNTIL}, road_every({EVERY}))"
ZONE = "(SELECT timezone FROM instance)"
# The last day of which the hours of the checks, 05 to 22 h, are over.
CHECKED_DAY = f"date_trunc('day', {UNTIL} - interval '22 hours', {ZONE})"
