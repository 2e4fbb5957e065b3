"""Texts of messages, in French and English."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

EXERCISE = "EXERCICE"  # the exercise mark, in both languages

_TEXTS = {  # English, French
    "info": ("information", "information"),
    "minor": ("minor", "mineure"),
    "major": ("major", "majeure"),
    "critical": ("critical", "critique"),
    "raised": ("{severity} ALARM", "ALARME {severity}"),
    "severity": ("NOW {severity}", "AGGRAVATION {severity}"),
    "stale": ("NO DATA", "SANS DONNÉES"),
    "cleared": ("RESOLVED", "FIN D'ALARME"),
    "revised": ("REVISED", "RÉVISION"),
    "withdrawn": ("WITHDRAWN", "ALARME RETIRÉE"),
    "reminder": ("REMINDER, UNACKNOWLEDGED, {severity}", "RAPPEL, NON ACQUITTÉE, {severity}"),
    "escalation": ("ESCALATED, UNACKNOWLEDGED, {severity}", "ESCALADE, NON ACQUITTÉE, {severity}"),
    "test": ("TEST", "ESSAI"),
    "alive": ("ALIVE", "EN SERVICE"),
    "set aside": ("RULE NOT EVALUATED", "RÈGLE NON ÉVALUÉE"),
    "resumed": ("RULE EVALUATED AGAIN", "RÈGLE DE NOUVEAU ÉVALUÉE"),
    "set aside rule": (
        "Rule {rule} cannot be evaluated ({where}) and raises no alarms.",
        "La règle {rule} ne peut pas être évaluée ({where}) : elle ne déclenche plus d'alarme.",
    ),
    "set aside site": (
        "No rule can be evaluated for {where}: no alarm is raised there.",
        "Aucune règle ne peut être évaluée pour {where} : aucune alarme ne s'y déclenche plus.",
    ),
    "resumed rule": (
        "Rule {rule} is evaluated again ({where}), without a gap.",
        "La règle {rule} est de nouveau évaluée ({where}), sans lacune.",
    ),
    "resumed site": (
        "Rules are evaluated again for {where}, without a gap.",
        "Les règles sont de nouveau évaluées pour {where}, sans lacune.",
    ),
    "mend": (
        "All other rules continue. Correct or withdraw this one; keep watch until then.",
        "Les autres règles continuent. Corrigez ou retirez celle-ci ; d'ici là, surveillez.",
    ),
    "evaluation late": ("ALARMS COME LATE", "ALARMES EN RETARD"),
    "evaluation in time": ("ALARMS IN TIME AGAIN", "ALARMES DE NOUVEAU À TEMPS"),
    "evaluation late text": (
        "Readings are evaluated up to {at} only: what came since raises no alarm yet.",
        "Les mesures sont évaluées jusqu'au {at} : la suite ne déclenche encore aucune alarme.",
    ),
    "evaluation in time text": (
        "Readings are evaluated up to {at} again, those that had waited included.",
        "Les mesures sont de nouveau évaluées jusqu'au {at}, y compris celles qui attendaient.",
    ),
    "evaluation late mend": (
        "Watch the readings yourself until then; `hypervisor doctor` says what is stuck.",
        "D'ici là, surveillez vous-même les mesures ; `hypervisor doctor` dit ce qui bloque.",
    ),
    "broker left": ("A BROKER HAS LEFT", "UN BROKER S'EST RETIRÉ"),
    "broker back": ("THE BROKER IS BACK", "LE BROKER EST REVENU"),
    "broker left text": (
        "The disk of machine {machine} is nearly full: since {at} its broker takes no messages.",
        "Disque de la machine {machine} presque plein : son broker ne prend plus rien depuis {at}.",
    ),
    "broker back text": (
        "The broker of machine {machine} takes messages again since {at}.",
        "Le broker de la machine {machine} prend de nouveau des messages depuis le {at}.",
    ),
    "broker left mend": (
        "The other two go on, and may not be lost. Free space there: it then comes back by itself.",
        "Les deux autres continuent, sans secours. Libérez de la place : il reviendra de lui-même.",
    ),
    "assigned": ("WORK ORDER, {priority}", "INTERVENTION, {priority}"),
    "priority urgent": ("urgent", "urgente"),
    "priority high": ("high priority", "priorité haute"),
    "priority normal": ("normal priority", "priorité normale"),
    "priority low": ("low priority", "priorité basse"),
    "due": ("Due by: {at}", "Échéance : {at}"),
    "team": ("Team: {team}", "Équipe : {team}"),
    "order": ("Order {number}", "Intervention n° {number}"),
    "everywhere": ("everywhere", "partout"),
    "level": ("Severity: {severity}", "Gravité : {severity}"),
    "since": ("Since {at}", "Depuis le {at}"),
    "lasted": ("From {at} to {to}", "Du {at} au {to}"),
    "taken back": ("The alarm of {at} was withdrawn", "L'alarme du {at} a été retirée"),
    "value": ("Reading: {quantity} {value}, at {at}", "Mesure : {quantity} {value}, le {at}"),
    "judged": (
        "Compared by the rule: {function} of {span} {value}, limit {limit}",
        "Comparé par la règle : {function} sur {span} {value}, limite {limit}",
    ),
    "steady": ("steady", "stable"),
    "rising": ("rising by {rate}/h", "en hausse de {rate}/h"),
    "falling": ("falling by {rate}/h", "en baisse de {rate}/h"),
    "silent": (
        "WARNING: no data since {at}; the last value may be out of date",
        "ATTENTION : pas de données depuis le {at} ; la dernière valeur peut être périmée",
    ),
    "place": ("Place: {place}", "Lieu : {place}"),
    "advice": ("Advice: {advice}", "Conseil : {advice}"),
    "why": ("Reason: {reason}", "Motif : {reason}"),
    "unanswered": (
        "No one has acknowledged this alarm, first sent at {at}",
        "Personne n'a acquitté cette alarme, envoyée le {at}",
    ),
    "number": ("Alarm {number}", "Alarme n° {number}"),
    "try": (
        "Test of the route {route!r}; no action needed.",
        "Essai de la route « {route} » : aucune action requise.",
    ),
    "not evaluated": (
        "Not assessable, set aside after an error (rules or sites): {count}.",
        "Non évaluable, écarté après une erreur (règles ou sites) : {count}.",
    ),
    "not delivered": (
        "Notifications given up: {count}.",
        "Notifications abandonnées : {count}.",
    ),
    "well": (
        "The hypervisor {name} is running ({at}). If these messages stop, it is down.",
        "L'hyperviseur {name} fonctionne ({at}). Si ces messages cessent, il est en panne.",
    ),
    "exercise": ("THIS IS AN EXERCISE.", "CECI EST UN EXERCICE."),
    "bare": ("ALARM MESSAGE WITHOUT DETAILS", "MESSAGE D'ALARME SANS DÉTAILS"),
    "look": (
        "This message could not be written in full. Look at the console now.",
        "Ce message n'a pas pu être rédigé en entier. Consultez la console sans attendre.",
    ),
    "date": ("%Y-%m-%d %H:%M", "%d/%m/%Y à %H:%M"),
}


class _Words(dict[str, str]):
    """A missing word is its key: a message with a foreign word is better than none."""

    def __missing__(self, key: str) -> str:
        return key


WORDS: Mapping[str, Mapping[str, str]] = {
    language: _Words({key: texts[place] for key, texts in _TEXTS.items()})
    for place, language in enumerate(("en", "fr"))
}
_UNITS = {"m3/s": "m³/s", "m3": "m³", "Cel": "°C", "1": "", "deg": "°"}


def format_measure(value: float, unit: str, language: str, *, signed: bool = False) -> str:
    """A value with unit and the language's decimal sign; `signed`: without its own sign."""
    shown = abs(value) if signed else value
    number = f"{shown:.4g}"
    if "e" in number:
        number = f"{shown:.0f}"
    number = number.replace(".", ",") if language == "fr" else number
    return f"{number} {_UNITS.get(unit, unit)}".strip()


def format_time(at: datetime, zone: str, language: str) -> str:
    """A local time with its UTC offset, unambiguous when clocks change."""
    local = at.astimezone(UTC).astimezone(ZoneInfo(zone))
    offset = local.utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    return f"{local.strftime(WORDS[language]['date'])} (UTC{hours:+g})"
