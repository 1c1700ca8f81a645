"""A company in November that closes its October, and what is sent by HTTP to tie it out and sign it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.integration.forecast.calling import CSO
from tests.integration.forecast.given import deal, handle, named, organisation
from tests.integration.forecast.test_calls_import import upload
from tests.support.keys import bearer

NOW = datetime(2024, 11, 5, 9, tzinfo=UTC)
KNOWN = datetime(2024, 10, 25, 9, tzinfo=UTC)
FINANCE = bearer("finance", subject="user:fin")
CEO = bearer("ceo", subject="user:ceo")
MONTH = "2024-10"
QUOTAS = "unit,owner,period,amount\ncompany,,2024-10,2000\ncompany,,2024Q4,6000\ncompany,,2025Q1,9000\n"


def won(name: str, version: int = 1, *, on: str = "2024-10-20", **fields: Any) -> Any:
    given = {"state": "won", "category": None, "closed_on": date.fromisoformat(on), "stage": "Won"}
    return deal(
        name, version, recorded_at=fields.pop("known", KNOWN), valid_from=fields.pop("since", KNOWN), **(given | fields)
    )


async def a_company(api: Any, database: Any) -> None:
    """October: three deals and one of another value basis; one of September, one of the year before, one that is open."""
    await organisation(database, {"EMEA/North": ["ann", "bob"]}, at=datetime(2023, 1, 1, tzinfo=UTC))
    crm = {"connection": "crm"}
    await handle(
        database,
        [
            won("acme", amount=Decimal("800.10"), owner_id=named("ann"), market="DACH", account_id=named("a"), external_id="D-1", **crm),
            won("bell", amount=Decimal("400.20"), owner_id=named("bob"), market="Nordics", deal_type="renewal", account_id=named("b"), external_id="D-2", **crm),
            won("cole", amount=Decimal(100), currency="USD", owner_id=named("bob"), account_id=named("a"), external_id="D-3", **crm),
            won("sept", on="2024-09-30", amount=Decimal(70), owner_id=named("ann"), external_id="D-4", **crm),
            won("before", on="2023-10-10", amount=Decimal(1000), owner_id=named("ann")),
            won("yearly", value_basis="arr", amount=Decimal(50), owner_id=named("ann"), external_id="D-5", **crm),
            deal("open", owner_id=named("ann"), amount=Decimal(900), close_date=date(2025, 2, 1)),
        ],
    )  # fmt: skip
    body = {"rates": {"EUR": "1", "USD": "0.5"}}
    assert (await api.put("/v1/forecast/rates", json=body, headers=FINANCE)).status_code == 200
    assert (await upload(api, "quotas", QUOTAS))["refused"] == []


async def bring(
    api: Any, *lines: str, header: str = "order,deal,amount,currency,date,revision", status: int = 200
) -> dict[str, Any]:
    answer = await api.post(
        "/v1/forecast/imports/orders",
        content="\n".join([header, *lines, ""]),
        headers=FINANCE | {"Content-Type": "text/csv"},
    )
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def close(api: Any, verb: str = "close", month: str = MONTH) -> None:
    body = {"reason": "the books are done"}
    answer = await api.post(f"/v1/forecast/periods/{month}/{verb}", json=body, headers=FINANCE)
    assert answer.status_code == 200, answer.text


async def draft(api: Any, month: str = MONTH, headers: dict[str, str] = CSO) -> dict[str, Any]:
    answer = await api.get(f"/v1/forecast/scorecards/{month}/draft", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{found["digest"]}"'
    return found


async def sign(
    api: Any, tag: str | None = None, headers: dict[str, str] = CSO, status: int = 201, month: str = MONTH
) -> dict[str, Any]:
    tag = tag if tag is not None else (await draft(api, month))["digest"]
    answer = await api.post(
        f"/v1/forecast/scorecards/{month}/sign",
        json={"comment": "A good month."},
        headers=headers | ({"If-Match": f'"{tag}"'} if tag else {}),
    )
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(api: Any, path: str, status: int = 200, headers: dict[str, str] = CEO) -> Any:
    answer = await api.get(f"/v1/forecast/scorecards{path}", headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()
