"""What is public now, as the page and the strip show it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypervisor.base.freshness import Assessment, Input, assess, combine
from hypervisor.base.instance import Instance
from hypervisor.feeds.views_official import Vigilance
from hypervisor.publications.model import PublishedMessage

MOST_MATCHES = 20
LASTS = timedelta(minutes=2)  # that the database was read, which it is every half minute


@dataclass(frozen=True, kw_only=True)
class Commune:
    code: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Closure:
    """A road closed at a public site, to come or under way. `commune`: its code."""

    title: str
    commune: str | None
    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that is public at a time. `official`: by language. `communes`: by code.

    `address`: the instance's for people. `checked`: when the database last said so, `changed`:
    when anything published changed. `read_at`: `checked` by real time; `is_outdated`: that is long
    ago. `subscriptions`: citizens may subscribe by mail; `push_key`: by web push to this key, ""
    not at all.
    """

    instance: Instance
    publisher: str
    address: str
    checked: datetime
    read_at: datetime
    changed: datetime
    messages: Sequence[PublishedMessage]
    closures: Sequence[Closure]
    official: Mapping[str, Vigilance]
    communes: Mapping[str, Commune]
    subscriptions: bool = False
    push_key: str = ""
    is_outdated: bool = False

    @property
    def goes_old(self) -> datetime:
        """When what was read does not count as the present any more."""
        return self.read_at + LASTS

    @property
    def modified(self) -> datetime:
        """When the pages last changed, or what they may say of it."""
        aged = [self.goes_old] if self.is_outdated else []
        return max([self.checked, self.changed, *aged])

    def assess(self, language: str) -> Assessment:
        """Whether calm may be said: nothing published, and all official services are green."""
        now = self.goes_old if self.is_outdated else self.read_at
        publications = Input(
            name=self.publisher,
            worse=bool(self.messages),
            time=self.read_at,
            until=self.goes_old,
        )
        return combine(assess([publications], now), self.official[language].assessment)

    @property
    def ends(self) -> datetime | None:
        """When the first of it is over."""
        times = [each.expires for each in self.messages] + [each.ends for each in self.closures]
        return min(times, default=None)

    def drop_past(self, now: datetime) -> "Situation":
        """The same at a later time."""
        return replace(
            self,
            messages=[each for each in self.messages if each.expires > now],
            closures=[each for each in self.closures if each.ends > now],
            changed=max([self.changed, *self._list_ended(now)]),
        )

    def _list_ended(self, now: datetime) -> list[datetime]:
        return [each.expires for each in self.messages if each.expires <= now]

    def select(self, commune: str | None) -> "Situation":
        """What concerns a commune; None: everything."""
        if commune is None:
            return self
        return replace(
            self,
            messages=[each for each in self.messages if commune in each.communes],
            closures=[each for each in self.closures if each.commune == commune],
        )

    def search(self, text: str) -> list[Commune]:
        """Communes by code or name: the exact one alone, else those that hold the text."""
        if text in self.communes:
            return [self.communes[text]]
        folded = fold(text)
        exact = [each for each in self.communes.values() if fold(each.name) == folded]
        if exact:
            return exact
        return [each for each in self.communes.values() if folded in fold(each.name)][:MOST_MATCHES]


def fold(text: str) -> str:
    """A name without accents, hyphens and capitals."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = (" " if letter in "-'\u2019" else letter for letter in letters)
    return " ".join("".join(each for each in kept if not unicodedata.combining(each)).split())
