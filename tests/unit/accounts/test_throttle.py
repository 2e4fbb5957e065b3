"""How long a client waits after failures."""

from datetime import UTC, datetime, timedelta

from hypervisor.access import throttle

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def wait(**failures: int) -> timedelta:
    limits = throttle.build_limits("Anne", "10.0.0.1")
    by_kind = {key.partition(" ")[0]: key for key in limits}
    return throttle.remaining_wait(limits, {by_kind[k]: (n, NOW) for k, n in failures.items()}, NOW)


def test_a_few_slips_are_free_then_the_wait_doubles() -> None:
    assert [wait(pair=count).total_seconds() for count in (1, 4, 5, 6, 7, 40)] == [
        *(0, 0, 1, 2, 4, 900),
    ]


def test_an_account_is_never_kept_shut_from_elsewhere() -> None:
    assert wait(account=10_000) == timedelta(seconds=30)


def test_an_address_that_tries_many_accounts_waits() -> None:
    assert wait(address=19) == timedelta(0)
    assert wait(address=24) == timedelta(seconds=16)


def test_time_counts_and_failures_are_forgotten() -> None:
    limits = throttle.build_limits("Anne", "10.0.0.1")
    pair = next(iter(limits))
    seen = {pair: (8, NOW)}
    assert throttle.remaining_wait(limits, seen, NOW + timedelta(seconds=5)) == timedelta(seconds=3)
    assert throttle.remaining_wait(limits, seen, NOW + throttle.FORGET_AFTER) == timedelta(0)


def test_a_name_in_capitals_is_the_same_account() -> None:
    assert throttle.build_limits(" ANNE", "a").keys() == throttle.build_limits("anne", "a").keys()


def test_nobody_waits_who_never_failed_or_for_whom_it_is_over() -> None:
    assert wait() == timedelta(0)
    limits = throttle.build_limits("Anne", "10.0.0.1")
    pair = next(iter(limits))
    for seconds, left in ((8, 0), (9, -1)):
        later = NOW + timedelta(seconds=seconds)
        assert throttle.remaining_wait(limits, {pair: (8, NOW)}, later) == timedelta(seconds=left)
    for since, left in ((timedelta(hours=1), 0), (timedelta(minutes=59), 60 - 59 * 60 + 840)):
        assert (
            throttle.remaining_wait(limits, {pair: (40, NOW)}, NOW + since).total_seconds() == left
        )


def test_the_longest_of_the_waits_counts() -> None:
    assert wait(pair=8, address=20, account=24) == timedelta(seconds=8)
    assert wait(pair=5, address=24, account=25) == timedelta(seconds=16)
    assert (wait(account=24), wait(account=25), wait(address=20)) == (
        timedelta(0),
        timedelta(seconds=1),
        timedelta(seconds=1),
    )
    assert (wait(pair=15), wait(address=40), wait(account=30)) == (
        timedelta(minutes=15),
        timedelta(minutes=15),
        timedelta(seconds=30),
    )


def test_by_what_a_try_is_counted() -> None:
    assert list(throttle.build_limits(" ANNE ", "10.0.0.1")) == [
        "pair 10.0.0.1 anne",
        "address 10.0.0.1",
        "account anne",
    ]
    assert list(throttle.build_limits("a" * 300, "x"))[2] == f"account {'a' * 200}"


def test_a_host_has_one_share_however_many_addresses_it_takes() -> None:
    one = throttle.build_limits("anne", "2001:db8:1:2::1")
    assert one.keys() == throttle.build_limits("anne", "2001:db8:1:2:3:4:5:6").keys()
    assert one.keys() != throttle.build_limits("anne", "2001:db8:1:3::1").keys()
    assert throttle.network("::ffff:10.0.0.1") == throttle.network("10.0.0.1") == "10.0.0.1"
    assert throttle.network("") == ""
