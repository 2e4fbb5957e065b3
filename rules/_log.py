"""The alarm log, folded from the moments at which a judgement changed."""

from collections.abc import Sequence

from rules._inputs import Subject
from rules._journal import Episode, Moment


def episodes(rule_id: str, subject: Subject | str, moments: Sequence[Moment]) -> list[Episode]:
    """The alarms that these moments (ascending, from the beginning or from an inactive one) tell.

    Args:
        rule_id: the rule's id, repeated in each episode.
        subject: the subject or its key.
        moments: journal rows of this rule and subject.
    """
    raise NotImplementedError
