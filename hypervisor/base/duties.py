"""Duties, the roles that carry them, and the scopes of tokens."""

from collections.abc import Mapping
from enum import StrEnum


class Duty(StrEnum):
    """What somebody may do; also the scopes of an API token."""

    SEND = "send"  # alarms of another system
    FIELD = "field"  # work orders of one's own teams
    READ = "read"
    PERSONAL = "personal"  # sees what personal domains measure, where they may read
    OPERATE = "operate"  # acts on alarms, log, hand-over, observations, work orders, exercises
    COMMAND = "command"  # actuators in the field
    COUNTERSIGN = "countersign"  # as the second person, what takes two
    WRITE_RULES = "rules"  # rules and thresholds
    ADMINISTER = "administer"  # accounts, devices, works, settings, routes


class Role(StrEnum):
    """What an account is, in an area or everywhere."""

    SOURCE = "source"
    AGENT = "agent"  # of a team in the field
    VIEWER = "viewer"
    PERSONAL = "personal"
    OPERATOR = "operator"
    CONTROLLER = "controller"
    AUTHOR = "author"
    ADMINISTRATOR = "administrator"


DUTIES: Mapping[Role, frozenset[Duty]] = {
    Role.SOURCE: frozenset({Duty.SEND}),
    Role.AGENT: frozenset({Duty.FIELD}),
    Role.VIEWER: frozenset({Duty.READ}),
    Role.PERSONAL: frozenset({Duty.PERSONAL}),
    Role.OPERATOR: frozenset({Duty.READ, Duty.OPERATE}),
    Role.CONTROLLER: frozenset({Duty.READ, Duty.OPERATE, Duty.COMMAND, Duty.COUNTERSIGN}),
    Role.AUTHOR: frozenset({Duty.READ, Duty.WRITE_RULES}),
    Role.ADMINISTRATOR: frozenset(Duty) - {Duty.SEND, Duty.FIELD, Duty.PERSONAL},
}

WORDS: Mapping[Duty, str] = {
    Duty.SEND: "send alarms (sources do)",
    Duty.FIELD: "work in the field (agents of a team do)",
    Duty.READ: "look at this",
    Duty.PERSONAL: "see personal data here (a role of its own)",
    Duty.OPERATE: "act here (operators do)",
    Duty.COMMAND: "command devices here (controllers do)",
    Duty.COUNTERSIGN: "countersign commands here (controllers do)",
    Duty.WRITE_RULES: "change rules and thresholds here (authors do)",
    Duty.ADMINISTER: "administer this (administrators do)",
}
