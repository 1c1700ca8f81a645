"""The fiscal calendar of the settings: every deal in exactly one of its periods, and the roll-up made anew when it changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from libs.common import clock
from libs.common.calendar import FiscalCalendar
from libs.common.config import CommonSettings
from libs.common.db import Database, is_passing
from libs.common.events.catalogue import BY_TYPE
from libs.common.messaging import outbox
from libs.common.process import runtime_for
from libs.common.web.api import create_app
from libs.common.web.auth import Principal
from services.deals.config import business_zone
from services.forecast.component import COMPONENT, follow_calendar
from services.forecast.rollup import repository
from services.forecast.rollup import service as rollup
from services.forecast.rollup.service import OtherCalendar
from tests.integration.deals.books import apply
from tests.integration.forecast.given import deal, handle, named, received, rows
from tests.support.keys import bearer
from tests.unit.deals.given import record

IN_WEEKS = {"fiscal_calendar": "4-4-5", "fiscal_year_start_month": 2, "fiscal_year_anchor": "nearest"}
TODAY = "2024-10-20"
CHANGED = datetime(2024, 11, 1, tzinfo=UTC)


class Company:
    """One forecast database, read and written by processes of whatever settings."""

    def __init__(self, settings: CommonSettings) -> None:
        self._settings = settings
        self._opened: list[Any] = []

    def process(self, **changes: Any) -> tuple[httpx.AsyncClient, Any]:
        runtime = runtime_for(COMPONENT, self._settings.model_copy(update=changes))
        transport = httpx.ASGITransport(app=create_app(COMPONENT, runtime), raise_app_exceptions=False)
        self._opened.append((httpx.AsyncClient(transport=transport, base_url="http://testserver"), runtime))
        found: tuple[httpx.AsyncClient, Any] = self._opened[-1]
        return found

    async def close(self) -> None:
        for client, runtime in self._opened:
            await client.aclose()
            await runtime.database.close()


@pytest.fixture
def settings(settings_for: Callable[..., CommonSettings]) -> CommonSettings:
    return settings_for("forecast")


async def months(client: httpx.AsyncClient, **parameters: str) -> dict[str, int]:
    """Deals by month of the whole fiscal year."""
    asked = {"period": "FY2025", "by": "month", "date": TODAY, **parameters}
    answer = await client.get("/v1/forecast/rollup", params=asked, headers=bearer("cso"))
    assert answer.status_code == 200, answer.text
    return {row["key"]: row["total"]["count"] for row in answer.json()["rows"]}


async def differences(database: Database) -> list[dict[str, Any]]:
    async with database.reading() as session:
        return await repository.differences(session)


async def test_a_change_of_the_calendar_moves_every_reading_to_its_months_and_loses_nothing(
    settings: CommonSettings,
) -> None:
    company = Company(settings)
    before, first = company.process(fiscal_year_start_month=2)
    await follow_calendar(first)
    days = {"early": date(2024, 11, 2), "late": date(2024, 11, 30), "next": date(2024, 12, 1), "year": date(2025, 2, 1)}
    await handle(
        first.database,
        [deal(name, close_date=day, valid_from=CHANGED, recorded_at=CHANGED) for name, day in days.items()],
    )
    ledger = await before.post("/v1/forecast/periods/2024-10/close", json={"reason": "done"}, headers=bearer("finance"))
    assert ledger.status_code == 200, ledger.text
    assert await months(before) == {"2024-11": 2, "2024-12": 1}

    after, second = company.process(**IN_WEEKS)
    refused = await after.get("/v1/forecast/rollup", headers=bearer("cso"))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:foretell:problem:calendar-in-change")
    with pytest.raises(OtherCalendar, match="run rebuild-rollup") as raised:
        await handle(second.database, [deal("early", 2)])
    assert is_passing(raised.value), "a consumer tries again instead of burying the event"
    await follow_calendar(second)

    # Fiscal November is 3 to 30 November, and the year ends on 1 February.
    expected = {"2024-10": 1, "2024-11": 1, "2024-12": 1, "2025-01": 1}
    assert await months(after) == expected
    now = clock.now().isoformat()
    assert await months(after, as_of=now, known_at=now) == expected, "the past is read in the same months"
    call = await after.get("/v1/forecast/call", params={"period": "2024-11", "date": TODAY}, headers=bearer("cso"))
    assert call.json()["total"]["count"] == 1
    assert (call.json()["period"]["start"], call.json()["period"]["end"]) == ("2024-11-03", "2024-11-30")
    assert {bar["month"]: bar["total"]["count"] for bar in call.json()["months"] if bar["total"]["count"]} == expected
    assert await differences(second.database) == []
    history = await after.get(f"/v1/forecast/deals/{named('next')}/history", headers=bearer("cso"))
    assert history.json()["current"]["month"] == "2024-12-01"
    early = await after.get(f"/v1/forecast/deals/{named('early')}/history", headers=bearer("cso"))
    assert early.json()["current"]["month"] == "2024-09-29"
    assert len(await rows(second.database, "SELECT 1 FROM period_change")) == 1

    await handle(second.database, [deal("early", 2, valid_from=CHANGED + timedelta(days=1), close_date=days["late"])])
    assert await months(after) == {"2024-11": 2, "2024-12": 1, "2025-01": 1}
    await follow_calendar(first)
    assert await months(before) == {"2024-11": 2, "2024-12": 1}
    assert await differences(second.database) == []
    await company.close()


@pytest.mark.parametrize("calendar", [{}, IN_WEEKS], ids=["months", "weeks"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
async def test_a_deal_closing_at_half_past_midnight_on_day_1_is_in_exactly_one_period(
    settings: CommonSettings,
    database_for: Callable[[str], Database],
    monkeypatch: pytest.MonkeyPatch,
    calendar: dict[str, Any],
    zone: str,
) -> None:
    """From the CRM's record through the ledger of deals to what the forecast answers for every period of years."""
    monkeypatch.setenv("FORETELL_ORG_TIMEZONE", zone)
    business_zone.cache_clear()
    company = Company(settings)
    client, runtime = company.process(org_timezone=zone, **calendar)
    await follow_calendar(runtime)
    fiscal: FiscalCalendar = runtime.settings.calendar
    first_days = [period.start for year in ("FY2025", "FY2026") for period in fiscal.quarters(fiscal.parse(year))]
    deals = database_for("deals")
    async with deals.transaction() as session:
        for number, day in enumerate(first_days):
            at = datetime(day.year, day.month, day.day, 0, 30, tzinfo=ZoneInfo(zone))
            won = record(at, f"D{number}", state="won", stage="Won", close_date=None, amount=Decimal(1000))
            await apply(session, [record(at - timedelta(days=3), f"D{number}"), won])
        told = [BY_TYPE[row[3]].model_validate_json(row[9]) for row in outbox.pending(session)]
    business_zone.cache_clear()
    versions = [received(entry, entry.deal_id, entry.version) for entry in told]  # type: ignore[attr-defined]
    async with runtime.database.transaction() as session:
        await rollup.apply(session, versions, principal=Principal.system("forecast"))

    periods = [
        part
        for year in fiscal.years_around(first_days[3], 1, 2)
        for part in (*fiscal.quarters(year), *fiscal.months(year))
    ]
    counts = {}
    for period in periods:
        asked = {"period": period.key, "date": "2026-11-20"}
        answer = await client.get("/v1/forecast/rollup", params=asked, headers=bearer("cso"))
        counts[period.key] = answer.json()["totals"]["lines"]["closed_won"]["count"]
    expected = {period.key: int(period.start in first_days) for period in periods}
    assert counts == expected
    await company.close()
