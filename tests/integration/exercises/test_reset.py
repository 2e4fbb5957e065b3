"""An exercise that begins again is what it was before its first run, with its parts still up."""

import pytest

from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import queries_runs
from hypervisor.exercises import service as exercise_service
from hypervisor.exercises.debrief import build_debrief
from hypervisor.exercises.model import RunError, RunState
from hypervisor.exercises.queries_reset import CLEARED
from tests.integration.exercises.conftest import SITE, Led

pytestmark = pytest.mark.integration

# What stays: the territory, its rules, who may do what, and what was done to the instance itself.
KEPT = {
    *("instance", "area", "site", "device", "series", "revision", "worker", "feed", "migration"),
    *("gateway", "device_group", "zone", "asset", "codec", "retention", "audit", "alarm_setting"),
    *(
        "notify_routes",
        "account",
        "account_role",
        "reader",
        "session",
        "api_token",
        "login_attempt",
        "provider_account",
        "provider_session",
        "sign_in_rules",
    ),
    *("event_log", "event_log_horizon", "past_event", "conductor", "rollup_state"),
    *("external_source", "external_mapping", "broker_account"),
    *("team", "team_member", "intervention_transition"),
    *("exercise_run", "exercise_command", "exercise_inject", "exercise_checklist", "exercise_skip"),
    *("exercise_message", "exercise_archive"),
    # follow the models, which are revisions
    *("forecast_skill", "forecast_facts", "forecast_input", "forecast_state"),
    *(
        "feed_poll",
        "official_colour",
        "official_bulletin",
        "expert_forecast",
        "official_event",
        "area_outline",
    ),  # no exercise reads a service
    *("area_border", "river_course", "river_reach", "official_reach"),  # the territory
    *(
        "subscription",
        "subscription_delivery",
        "subscription_progress",
        "subscription_request",
        *("totp_factor", "recovery_code", "passkey", "factor_challenge", "required_factor"),
        "push_key",
    ),  # empty in an exercise
    *("command_step", "command_sender"),  # the life of a command, and who is there
    *("interlock", "arming"),  # of the territory
    *("personal_domain", "personal_look"),  # of the catalogue; who looked stays
    "message_loss",  # append-only, by the wall's clock
    *("lit_plan", "lit_day", "lit_input", "lit_state"),  # follow the registry
}


def count(connection: Connection, table: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[misc]  # noqa: S608
    return int(found)


def test_every_table_is_either_cleared_or_kept(database_url: str) -> None:
    with connect(database_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        there = {name for (name,) in rows}
    assert there <= KEPT | set(CLEARED), "say in resetting.py or here what becomes of it"
    assert not KEPT & set(CLEARED)
    assert set(CLEARED) <= there


def test_the_same_run_after_a_reset_gives_the_same_log_with_nobody_restarted(led: Led) -> None:
    with led.conductor():
        run = led.start()
        led.comes_to(run, RunState.FINISHED)
        before = led.exercise.log()
        assert before
        edited = led.ask(_threshold)
        with pytest.raises(RunError, match="reset the exercise"):
            led.start()
        told = led.ask(lambda c: build_debrief(c, led.settings.data, led.run(run)))
        led.done(
            led.ask(
                lambda c: exercise_service.request_reset(c, "leader", "again with the night shift")
            )
        )
        with connect(led.settings.database_url) as connection:
            assert not any(count(connection, table) for table in ("reading", "alarm"))
            assert count(connection, "site") > 0
            assert edited not in [
                number for (number,) in connection.execute("SELECT id FROM revision")
            ]
            (act,) = [one for one in audit.list_acts(connection) if one.subject == "exercise"]
        assert act.reason == "again with the night shift"
        assert led.run(run).state is RunState.RESET
        kept = led.ask(lambda c: build_debrief(c, led.settings.data, led.run(run)))
        assert kept["timeline"] == told["timeline"]

        again = led.start()
        led.comes_to(again, RunState.FINISHED)
        assert led.exercise.log() == before
    assert all(thread.is_alive() for thread in led.threads)


def test_nothing_begins_anew_under_a_run(led: Led) -> None:
    with led.conductor():
        run = led.start(speed=60)
        led.comes_to(run, RunState.RUNNING)
        with pytest.raises(RunError, match="stop it before"):
            led.ask(lambda c: exercise_service.request_reset(c, "leader", "again"))
        number = led.ask(lambda c: queries_runs.add_command(c, "reset", author="leader"))
        with pytest.raises(RunError, match="stop it first"):
            led.done(number)


def _threshold(connection: Connection) -> int:
    """A trainee edits a threshold in the middle of it."""
    row = connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " SELECT kind, key, value, '2024-10-29T12:00Z', 'trainee', 'tried' FROM revision"
        " WHERE kind = 'threshold' AND starts_with(key, %s) LIMIT 1 RETURNING id",
        [f"{SITE}/"],
    ).fetchone()
    assert row is not None
    return int(row[0])
