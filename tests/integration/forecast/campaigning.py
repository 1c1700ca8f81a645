"""What leads tell of campaigns, as the forecast's handlers get it."""

from datetime import date, datetime
from typing import Any

from libs.common.events.leads import Amount, CampaignCounted, Touched
from tests.integration.forecast.given import AT, named, received


def amounts(*told: tuple[str, str]) -> tuple[Amount, ...]:
    return tuple(Amount(currency=currency, amount=amount) for amount, currency in told)


def counted(
    name: str, month: str, version: int = 1, *, known: datetime = AT, market: str | None = None, **said: Any
) -> Any:
    """`cost`, `pipeline`, `won` (of the first touch) and `last_won` as pairs of amount and currency; `leads`."""
    told = CampaignCounted(
        campaign_id=named(f"campaign {name}"),
        month=date.fromisoformat(f"{month}-01"),
        version=version,
        counted_at=known,
        name=name,
        market=market,
        cost=amounts(*said.get("cost", ())),
        first=Touched(
            leads=said.get("leads", 0), pipeline=amounts(*said.get("pipeline", ())), won=amounts(*said.get("won", ()))
        ),
        last=Touched(leads=said.get("leads", 0), won=amounts(*said.get("last_won", ()))),
    )
    return received(told, named(f"campaign {name} {month}"), version, at=known)
