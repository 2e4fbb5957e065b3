"""The members of a group, as subjects of their own."""

from collections.abc import Iterator

from rules._inputs import SeriesColumns, Subject


def members_of(group: Subject) -> Iterator[Subject]:
    """Each member as a subject: its own series by their words, and the group's beside them."""
    keys = {key for some in group.group.values() for key in some}
    own: dict[str, SeriesColumns] = {}
    sent: dict[str, dict[str, SeriesColumns]] = {}
    for name, column in group.series.items():
        if name not in keys and name not in group.group:
            own[name] = column
        for device in (column.device, *(earlier for earlier, _ in column.earlier)):
            sent.setdefault(device, {})[f"{name} "] = column  # no word: only a sign of life
    for rank in range(max((len(some) for some in group.group.values()), default=0)):
        series = dict(own)
        named = {
            word: group.series[some[rank]]
            for word, some in group.group.items()
            if rank < len(some) and some[rank] in group.series
        }
        for column in named.values():
            for device in (column.device, *(earlier for earlier, _ in column.earlier)):
                series |= sent[device]
        yield Subject(
            key=f"{group.key}#{rank}",
            series=series | named,
            devices=group.devices,
            thresholds=group.thresholds,
            calendar=group.calendar,
            plan=group.plan,
        )
