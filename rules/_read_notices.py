"""What a rule says of how its alarms are told: whom it inhibits, what groups, when to remind."""

import re
from typing import TypedDict, cast

import yaml

from rules._duration import parse_duration
from rules._errors import RuleError
from rules._rule import GROUPINGS, Chatter, Grouping
from rules._yaml import Source
from sensors._nearest import did_you_mean

NOTICE_KEYS = ("inhibits", "group by", "labels", "remind", "escalate", "grace", "chatter")
_CHATTER = re.compile(r"\s*([0-9]{1,6})\s+in\s+(.+)")


class Notices(TypedDict):
    """The fields of a rule that are read here."""

    inhibits: tuple[str, ...]
    group_by: Grouping | None
    labels: dict[str, str]
    remind: int | None
    escalate: int | None
    grace: int | None
    chatter: Chatter | None


class NoticeReader:
    """Reads these keys of one rule."""

    def __init__(self, source: Source, parts: dict[str, yaml.Node]) -> None:
        self._source = source
        self._parts = parts

    def read(self) -> Notices:
        """All of them.

        Raises:
            RuleError: one is not understood.
        """
        return Notices(
            inhibits=self._inhibits(),
            group_by=self._group_by(),
            labels=self._labels(),
            remind=self._duration("remind"),
            escalate=self._duration("escalate"),
            grace=self._duration("grace"),
            chatter=self._chatter(),
        )

    def _inhibits(self) -> tuple[str, ...]:
        inhibited: list[str] = []
        for name, node in names(self._source, self._parts):
            if name in inhibited:
                raise RuleError(self._source.place(node), "{name!r} appears twice", name)
            inhibited.append(name)
        return tuple(inhibited)

    def _group_by(self) -> Grouping | None:
        if "group by" not in self._parts:
            return None
        node = self._parts["group by"]
        text = self._source.text(node, "what groups alarms")
        if text not in GROUPINGS:
            hint = did_you_mean(text, GROUPINGS)
            raise RuleError(self._source.place(node), "unknown group by {text!r}{hint}", text, hint)
        return cast("Grouping", text)

    def _labels(self) -> dict[str, str]:
        if "labels" not in self._parts:
            return {}
        labels = self._source.mapping(self._parts["labels"], "labels")
        return {key: self._source.text(node, f"label {key}") for key, node in labels.items()}

    def _duration(self, key: str) -> int | None:
        if key not in self._parts:
            return None
        node = self._parts[key]
        span = parse_duration(self._source.text(node, "a duration"), self._source.place(node))
        if span == 0 and key != "grace":
            raise RuleError(self._source.place(node), "{key} needs a time longer than nothing", key)
        return span

    def _chatter(self) -> Chatter | None:
        if "chatter" not in self._parts:
            return None
        node = self._parts["chatter"]
        text, place = self._source.text(node, "a chatter"), self._source.place(node)
        match = _CHATTER.fullmatch(text)
        if match is None or int(match[1]) < 2:
            raise RuleError(
                place,
                "{text!r} is no chatter; expected so many alarms in a time, as 5 in 1 h",
                text,
            )
        return Chatter(count=int(match[1]), span=parse_duration(match[2], place))


def names(source: Source, parts: dict[str, yaml.Node]) -> list[tuple[str, yaml.Node]]:
    """The rules that one inhibits, each with where it stands."""
    if "inhibits" not in parts:
        return []
    nodes = source.sequence(parts["inhibits"], "the ids of the rules that it inhibits")
    return [(source.text(node, "a rule's id"), node) for node in nodes]
