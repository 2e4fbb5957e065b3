"""Words that name no series: what the local calendar, the sun and the lighting plan say."""

NUMBERS = {"hour": "", "weekday": "", "month": "", "planned_level": "%"}  # with their units
YES_OR_NO = frozenset({"night", "holiday", "school_holiday", "planned_on"})
WORDS = frozenset(NUMBERS) | YES_OR_NO
PLANNED = frozenset({"planned_on", "planned_level"})
CALENDAR = WORDS - PLANNED

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# What a word may be compared with: names for its numbers, and the numbers there are.
NAMED = {
    "weekday": {name: number for number, name in enumerate(_DAYS, 1)},
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
}
LEAST_AND_MOST = {"hour": (0, 24), "weekday": (1, 7), "month": (1, 12)}
