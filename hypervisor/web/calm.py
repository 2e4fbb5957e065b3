"""What is missing where calm cannot be said, in words: which input, why, since when."""

from hypervisor.base.freshness import Assessment, Gap, Lack
from hypervisor.base.translation import mark, translate_plural
from hypervisor.base.translation import translate as _
from hypervisor.web.filters import day_time

_LACKS = {
    Lack.NEVER: mark("%(name)s: never received"),
    Lack.EMPTY: mark("%(name)s: no value stated since %(when)s"),
    Lack.LATE: mark("%(name)s: nothing since %(when)s"),
    Lack.AHEAD: mark("%(name)s: dated %(when)s, which lies ahead"),
    Lack.SUSPECT: mark("%(name)s: suspect readings"),
    Lack.RESTING: mark("%(name)s: out of service"),
    Lack.TREND: mark("%(name)s: no trend yet"),
    Lack.UNREAD: mark("%(name)s: not read here"),
    Lack.BEYOND: mark("%(name)s: measured outside your territory"),
    Lack.ASIDE: mark("%(name)s: its evaluation failed, nothing since %(when)s"),
}
_SHOWN = 3


def write_gap(gap: Gap) -> str:
    """A gap: Orge: nothing since 10:02."""
    return _(_LACKS[gap.lack]) % {"name": gap.name, "when": day_time(gap.since)}


def list_missing(assessment: Assessment, shown: int = _SHOWN) -> str:
    """The first gaps, and how many others there are."""
    gaps = assessment.gaps
    if not gaps:
        return _("nothing is watched that could show it")
    words = [write_gap(gap) for gap in gaps[:shown]]
    rest = len(gaps) - shown
    if rest > 0:
        words.append(
            translate_plural("and %(num)s other", "and %(num)s others", rest) % {"num": rest}
        )
    return _("; ").join(words)


FILTERS = {"gap": write_gap, "missing": list_missing}
