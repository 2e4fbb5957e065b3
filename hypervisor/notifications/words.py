"""Texts of messages, in French and English."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

EXERCISE = "EXERCICE"  # the exercise mark, in both languages

_FR = {
    "info": "information",
    "minor": "mineure",
    "major": "majeure",
    "critical": "critique",
    "raised": "ALARME {severity}",
    "severity": "AGGRAVATION {severity}",
    "stale": "SANS NOUVELLES",
    "cleared": "FIN D'ALARME",
    "revised": "RÉVISION",
    "withdrawn": "ALARME RETIRÉE",
    "reminder": "RAPPEL, NON ACQUITTÉE, {severity}",
    "escalation": "ESCALADE, NON ACQUITTÉE, {severity}",
    "test": "ESSAI",
    "alive": "EN SERVICE",
    "set aside": "RÈGLE NON ÉVALUÉE",
    "resumed": "RÈGLE DE NOUVEAU ÉVALUÉE",
    "set aside rule": "La règle {rule} ne peut pas être évaluée ({where}) : elle n'alarme plus.",
    "set aside site": "Aucune règle ne peut être évaluée pour {where} : rien n'y alarme plus.",
    "resumed rule": "La règle {rule} est de nouveau évaluée ({where}), sans lacune.",
    "resumed site": "Les règles sont de nouveau évaluées pour {where}, sans lacune.",
    "mend": "Les autres règles continuent. Corrigez ou retirez la règle ; surveillez d'ici là.",
    "everywhere": "partout",
    "level": "Gravité : {severity}",
    "since": "Depuis le {at}",
    "over": "Terminée le {at}",
    "lasted": "Du {at} au {to}",
    "taken back": "L'alarme du {at} n'a pas lieu d'être",
    "value": "Mesure : {quantity} {value}, le {at}",
    "steady": "stable",
    "rising": "en hausse de {rate}/h",
    "falling": "en baisse de {rate}/h",
    "silent": "ATTENTION : sans mesure depuis le {at} ; la dernière valeur peut être dépassée",
    "place": "Lieu : {place}",
    "advice": "Conseil : {advice}",
    "why": "Motif : {reason}",
    "unanswered": "Personne n'a acquitté cette alarme, signalée le {at}",
    "number": "Alarme n° {number}",
    "try": "Message d'essai de la voie « {route} » : rien à faire.",
    "well": "L'hyperviseur {name} fonctionne ({at}). Si ce message cesse, il est en panne.",
    "exercise": "CECI EST UN EXERCICE.",
    "date": "%d/%m/%Y à %H:%M",
}
_EN = {
    "info": "information",
    "minor": "minor",
    "major": "major",
    "critical": "critical",
    "raised": "{severity} ALARM",
    "severity": "NOW {severity}",
    "stale": "NO NEWS",
    "cleared": "RESOLVED",
    "revised": "REVISED",
    "withdrawn": "WITHDRAWN",
    "reminder": "REMINDER, UNACKNOWLEDGED, {severity}",
    "escalation": "ESCALATED, UNACKNOWLEDGED, {severity}",
    "test": "TEST",
    "alive": "ALIVE",
    "set aside": "RULE NOT EVALUATED",
    "resumed": "RULE EVALUATED AGAIN",
    "set aside rule": "Rule {rule} cannot be evaluated ({where}): it raises no alarm.",
    "set aside site": "No rule can be evaluated for {where}: no alarm is raised there.",
    "resumed rule": "Rule {rule} is evaluated again ({where}), without a gap.",
    "resumed site": "Rules are evaluated again for {where}, without a gap.",
    "mend": "All other rules go on. Correct or withdraw it, and keep watch yourselves until then.",
    "everywhere": "everywhere",
    "level": "Severity: {severity}",
    "since": "Since {at}",
    "over": "Over at {at}",
    "lasted": "From {at} to {to}",
    "taken back": "The alarm of {at} withdrawn",
    "value": "Reading: {quantity} {value}, at {at}",
    "steady": "steady",
    "rising": "rising by {rate}/h",
    "falling": "falling by {rate}/h",
    "silent": "BEWARE: nothing measured since {at}; the last value may be out of date",
    "place": "Place: {place}",
    "advice": "Advice: {advice}",
    "why": "Why: {reason}",
    "unanswered": "Nobody has acknowledged this alarm, told at {at}",
    "number": "Alarm {number}",
    "try": "A test of the route {route!r}: nothing to do.",
    "well": "The hypervisor {name} is at work ({at}). If this message stops, it is down.",
    "exercise": "THIS IS AN EXERCISE.",
    "date": "%Y-%m-%d %H:%M",
}
WORDS: Mapping[str, Mapping[str, str]] = {"fr": _FR, "en": _EN}
_UNITS = {
    "m3/s": "m³/s",
    "m3": "m³",
    "Cel": "°C",
    "1": "",
    "mm/h": "mm/h",
    "deg": "°",
}


def format_measure(value: float, unit: str, language: str, *, signed: bool = False) -> str:
    """A value with unit and the language's decimal sign; `signed`: without its sign."""
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
