"""Commands that a rule proposes while its alarm is active. Evaluation reads nothing of this."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from rules._bounds import bounded_size
from rules._errors import RuleError
from rules._yaml import Source, as_yaml
from sensors._command import CommandError, CommandKind, Value
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._scalars import ScalarError, measure

PROPOSE = "propose"
SITE, ASSETS = "site", "assets"  # targets that depend on where the alarm is
_KEYS = ("command", "parameters", "target", "within", "automatic", "accepts")
_SOURCES = {"devices": False, "persons": True}
_MOST = 10  # of one rule
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class ProposedCommand:
    """A command that a rule proposes.

    `target`: `site`, what obeys there; `assets`, what obeys at the assets that the water of its
    gauge reaches, also those at most `within` m above it; else device/NAME or group/NAME.
    `persons`: sent also on what people entered, not only on what devices and services sent.
    """

    kind: CommandKind
    parameters: Mapping[str, Value]
    target: str = SITE
    within: float = 0.0
    automatic: bool = False
    persons: bool = False


def read_proposals(
    source: Source, parts: Mapping[str, yaml.Node], catalogue: Catalogue
) -> tuple[ProposedCommand, ...]:
    """What a rule proposes.

    Raises:
        RuleError: an unknown command, a parameter out of its bounds, or no such target.
    """
    if PROPOSE not in parts:
        return ()
    nodes = source.sequence(parts[PROPOSE], "proposed commands")
    bounded_size(nodes, _MOST, "proposed commands of one rule", source.place(parts[PROPOSE]))
    reader = _Reader(source, catalogue)
    proposals: list[ProposedCommand] = []
    for node in nodes:
        proposal = reader.read(node)
        if any((p.kind, p.target) == (proposal.kind, proposal.target) for p in proposals):
            raise RuleError(
                source.place(node),
                "{kind} is proposed twice for {target}",
                *(proposal.kind.name, proposal.target),
            )
        proposals.append(proposal)
    return tuple(proposals)


def proposals_of(written: Mapping[str, Any], catalogue: Catalogue) -> tuple[ProposedCommand, ...]:
    """The same of a rule as a revision stores it. Raises RuleError."""
    if PROPOSE not in written:
        return ()
    source = Source(f"<revision of {written.get('id', 'a rule')}>")
    node = source.compose(as_yaml({PROPOSE: written[PROPOSE]}))
    return read_proposals(source, source.mapping(node, "a rule"), catalogue)


class _Reader:
    def __init__(self, source: Source, catalogue: Catalogue) -> None:
        self._source = source
        self._catalogue = catalogue

    def read(self, node: yaml.Node) -> ProposedCommand:
        parts = self._source.mapping(node, "a proposed command", _KEYS, ("command",))
        kind = self._kind(parts["command"])
        target = self._target(parts["target"], kind) if "target" in parts else SITE
        automatic = "automatic" in parts and self._automatic(parts["automatic"], kind)
        return ProposedCommand(
            kind=kind,
            parameters=self._parameters(parts.get("parameters"), node, kind),
            target=target,
            within=self._within(parts["within"], target) if "within" in parts else 0.0,
            automatic=automatic,
            persons="accepts" in parts and self._accepts(parts["accepts"], automatic=automatic),
        )

    def _kind(self, node: yaml.Node) -> CommandKind:
        name, commands = self._source.text(node, "a command"), self._catalogue.commands
        if name not in commands:
            hint = did_you_mean(name, commands)
            raise RuleError(self._source.place(node), "unknown command {name!r}{hint}", name, hint)
        return commands[name]

    def _parameters(
        self, node: yaml.Node | None, around: yaml.Node, kind: CommandKind
    ) -> Mapping[str, Value]:
        nodes = {} if node is None else self._source.mapping(node, "parameters")
        given = {name: self._source.text(part, name) for name, part in nodes.items()}
        for parameter in kind.parameters:
            if parameter.name in nodes:
                try:
                    parameter.parse(given[parameter.name])
                except CommandError as error:
                    raise self._error(nodes[parameter.name], error) from error
        try:
            return kind.parse(given)
        except CommandError as error:
            raise self._error(node or around, error) from error

    def _error(self, node: yaml.Node, error: CommandError) -> RuleError:
        return RuleError(self._source.place(node), "{problem}", str(error))

    def _target(self, node: yaml.Node, kind: CommandKind) -> str:
        target = self._source.text(node, "a target")
        form, slash, name = target.partition("/")
        if target in (SITE, ASSETS) or (form in ("device", "group") and name):
            if form == "group" and "group" not in kind.targets:
                raise RuleError(
                    self._source.place(node),
                    "{kind} commands one device: name it, or write {word}",
                    *(kind.name, SITE),
                )
            return target
        hint = "" if slash else did_you_mean(target, (SITE, ASSETS))
        raise RuleError(
            self._source.place(node),
            "unknown target {target!r}: expected site, assets, device/NAME or group/NAME{hint}",
            *(target, hint),
        )

    def _within(self, node: yaml.Node, target: str) -> float:
        place = self._source.place(node)
        if target != ASSETS:
            raise RuleError(place, "`within` stands beside `target: assets` alone")
        text = self._source.text(node, "a height")
        try:
            height = measure(text, "m")
        except ScalarError as error:
            raise RuleError(place, "{problem}", str(error)) from error
        if height < 0:
            raise RuleError(place, "`within` is a height of 0 m or more, such as 0.20 m")
        return height

    def _automatic(self, node: yaml.Node, kind: CommandKind) -> bool:
        text = self._source.text(node, "true or false").lower()
        if text not in _TRUTHS:
            raise RuleError(
                self._source.place(node), "`automatic` is true or false, not {text!r}", text
            )
        if _TRUTHS[text] and kind.signatures > 1:
            raise RuleError(
                self._source.place(node),
                "{kind} takes two people: a rule proposes it, and never sends it by itself",
                kind.name,
            )
        return _TRUTHS[text]

    def _accepts(self, node: yaml.Node, *, automatic: bool) -> bool:
        text, place = self._source.text(node, "devices or persons"), self._source.place(node)
        if text not in _SOURCES:
            raise RuleError(
                place,
                "`accepts` is devices or persons, not {text!r}{hint}",
                *(text, did_you_mean(text, _SOURCES)),
            )
        if not automatic:
            raise RuleError(place, "`accepts` stands beside `automatic: true` alone")
        return _SOURCES[text]
