"""How far to trust a forecast, on pages: what was measured, its events, and how to fit one."""

import re
from datetime import timedelta

import httpx
import pytest

from hypervisor.base.instants import micros
from hypervisor.forecast import queries_skill
from hypervisor.forecast.events import HOUR, Outcomes
from hypervisor.forecast.queries_skill import Measured
from hypervisor.forecast.skill import (
    CHOSEN,
    FloodCover,
    FloodEvent,
    GaugeResult,
    HorizonResult,
    MethodResult,
    Reliability,
    result_to_json,
)
from hypervisor.forecast.thresholds import Level
from sensors._errors import Message
from tests.integration.evaluation.world import DAY, World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
    world,
)

pytestmark = pytest.mark.integration
SITE = "orge"
FLOOD = micros(DAY) - 240 * HOUR
WHY = Message("its warnings are worse than those of the straight line")


def method(
    name: str, rmse: float, horizon: int, *leads: int | None, false: tuple[int, ...] = ()
) -> MethodResult:
    hits = [lead for lead in leads if lead is not None]
    outcome = Outcomes(
        events=(FLOOD, FLOOD + 48 * HOUR), leads=leads, warnings=len(hits) + len(false), false=false
    )
    return MethodResult(
        method=name,
        tally=outcome.count(horizon),
        rows=100,
        rmse=rmse,
        crps=rmse,
        covered={"80": 0.82, "90": 0.9},
        outcomes=(outcome,),
        floods=(
            FloodCover(begins=FLOOD, ends=FLOOD + HOUR, forecasts=10, inside=9),
            FloodCover(begins=FLOOD + 48 * HOUR, ends=FLOOD + 49 * HOUR, forecasts=10, inside=3),
        )
        if name == CHOSEN
        else (),
        reliability=(Reliability(chance=0.6, came=0.5, forecasts=12),) if name == CHOSEN else (),
    )


def horizon(span: int, closed: Message | None, *, false: int = 1) -> HorizonResult:
    alarms = tuple(FLOOD + (20 + 9 * number) * HOUR for number in range(false))
    return HorizonResult(
        horizon=span,
        choice="ridge",
        closed=closed,
        warn=0.5,
        methods=(
            method(CHOSEN, 0.5, span, min(span, 2 * HOUR), None, false=alarms),
            method("trend", 0.8, span, HOUR, HOUR),
            method("persistence", 1.0, span, None, None),
        ),
    )


def measured(result: GaugeResult) -> Measured:
    return Measured(
        site=result.site,
        title="",
        river=None,
        quantity=result.quantity,
        effective=DAY - timedelta(days=1),
        author="ada",
        reason="a first fit",
        first=DAY - timedelta(days=30),
        last=DAY - timedelta(days=1),
        readings=4_000,
        result=result_to_json(result),
    )


RESULT = GaugeResult(
    site=SITE,
    quantity="level",
    unit="m",
    title="Orge",
    floods=2,
    learned_from=1,
    tiers=("own",),
    thresholds=(Level(name="alert", value=2.5),),
    horizons=(horizon(HOUR, None, false=4), horizon(3 * HOUR, None), horizon(6 * HOUR, WHY)),
    events=(
        FloodEvent(threshold=0, time=FLOOD, peak=3.21, peak_at=FLOOD + HOUR),
        FloodEvent(threshold=0, time=FLOOD + 48 * HOUR, peak=2.61, peak_at=FLOOD + 50 * HOUR),
    ),
)


def words(page: httpx.Response) -> str:
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_before_a_fit_pages_say_how_to(client: httpx.Client) -> None:  # noqa: F811
    english = {"Accept-Language": "en"}
    assert "hypervisor forecast fit" in words(client.get("/forecasts", headers=english))
    gauge = words(client.get(f"/forecasts/{SITE}", headers=english))
    assert f"hypervisor forecast fit --site {SITE}" in gauge
    assert client.get("/forecasts/nowhere").status_code == 404
    assert f'href="/forecasts/{SITE}"' in client.get(f"/sites/{SITE}").text


def test_what_was_measured_opens_its_events(client: httpx.Client, world: World) -> None:  # noqa: F811
    queries_skill.add(world.connection, [measured(RESULT)])
    world.connection.commit()
    english = {"Accept-Language": "en"}
    page = client.get("/forecasts", headers=english)
    text = words(page)
    assert "1 of 2 POD 0.50 2 h 1 of 2 FAR 0.50 0.33 1 of 2 82 % 50 % less 38 % less" in text
    assert "2 of 2 POD 1.00 1 h 0 of 2 FAR 0.00 1.00 no range 20 % less" in text
    assert "Longer is not shown: its warnings are worse" in text
    (hits,) = re.findall(rf'href="(/forecasts/{SITE}[^"]*show=hit)#events">1 of 2<', page.text)
    hit = words(client.get(hits.replace("&amp;", "&"), headers=english))
    assert "3.21 m" in hit
    assert "2 h before 1 h before" in hit
    assert "2.61 m" not in hit
    assert "Caution: warnings here were wrong 4 times of 5" in hit
    french = words(client.get(f"/forecasts/{SITE}?horizon=3600", headers={"Accept-Language": "fr"}))
    assert "Attention : ici, les avertissements ont été faux 4 fois sur 5" in french
    missed = words(client.get(f"/forecasts/{SITE}?show=missed", headers=english))
    assert "3.21 m" not in missed
    assert re.search(r"2\.61 m .* missed 1 h before", missed)
    false = words(client.get(f"/forecasts/{SITE}?show=false", headers=english))
    assert "false warning" in false
    assert "2.61 m" not in false
    french = words(
        client.get(f"/forecasts/{SITE}?horizon=21600", headers={"Accept-Language": "fr"})
    )
    assert "Non affichée : ses avertissements sont moins bons" in french
    assert "Vigicrues fait autorité" in french
    assert "9 sur 10" in french


def test_a_gauge_that_may_not_show_says_why(client: httpx.Client, world: World) -> None:  # noqa: F811
    refused = Message("there are too few floods in the record to judge a forecast")
    closed = GaugeResult(
        site=SITE,
        quantity="level",
        unit="m",
        title="Orge",
        floods=0,
        learned_from=0,
        tiers=(),
        thresholds=(),
        refused=refused,
    )
    queries_skill.add(world.connection, [measured(RESULT), measured(closed)])
    world.connection.commit()
    for path in ("/forecasts", f"/forecasts/{SITE}"):
        page = words(client.get(path, headers={"Accept-Language": "fr"}))
        assert "trop peu de crues pour juger" in page
        assert "2 h avant" not in page
