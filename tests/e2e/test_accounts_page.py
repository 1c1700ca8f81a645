"""Accounts in a real browser: what is at risk and why, and one account with its people, promises and talks."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.conftest import is_fine
from tests.e2e.crm import Crm, deal

ACCOUNTS = """
version: 1
name: accounts
connection: {connection}
currency: EUR
files: {{accounts: {{match: accounts.csv}}}}
records:
  - object: account
    file: accounts
    id: id
    fields: {{name: name, tier: tier, segment: segment, region: region, parent_id: parent}}
    changes: [{{at: since}}]
"""


def tell_accounts(stack: Stack, crm: Crm, folder: Path, mark: str) -> None:
    rows = f"top{mark},Ash Group {mark},A,enterprise,EMEA,,2020-01-01\nash{mark},Ash Mills {mark},B,industry,EMEA,top{mark},2020-01-01\n"
    accounts, mapping = folder / "accounts.csv", folder / "accounts.yaml"
    accounts.write_text(f"id,name,tier,segment,region,parent,since\n{rows}")
    mapping.write_text(ACCOUNTS.format(connection=crm.connection.key))
    stack.command("gateway", "import", str(accounts), "--mapping", str(mapping))


async def test_an_account_shows_what_is_at_risk_and_why_and_who_spoke_with_whom(
    stack: Stack, crm: Crm, page: Page, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:6]
    key = crm.connection.key
    account = str(entity_id(key, "account", f"ash{mark}"))
    tell_accounts(stack, crm, tmp_path, mark)
    for name, amount in (("thin", "1200.50"), ("wide", "300")):
        crm.send(deal(f"{name}{mark}", amount=amount, name=f"{name.title()} {mark}", account_id=f"ash{mark}"))
    thin = str(entity_id(key, "deal", f"thin{mark}"))
    with Crms(stack) as crms:
        http = crms.http

        def post(path: str, **body: Any) -> Any:
            answer = http.post(f"/api/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()

        def open_deals() -> int:
            found = http.get("/api/v1/accounts/cover", params={"q": mark}).json()
            return sum(each["open_deals"] for each in found["items"])

        assert wait_until(lambda: open_deals() == 2, timeout_s=60)
        people = [
            post("contacts", account_id=account, seniority=level, department="finance", person={"name": name})
            for name, level in ((f"Ida {mark}", "executive"), (f"Per {mark}", "manager"))
        ]
        first, second = (each["contact_id"] for each in people)
        post(f"deals/{thin}/contacts", contact_id=first, role="economic_buyer")
        at = (clock.now() - timedelta(days=2)).isoformat()
        post("touchpoints", at=at, kind="meeting", deal_id=thin, contacts=[first])
        for name in ("mail", "call"):
            contacts = [first, second]
            wide = str(entity_id(key, "deal", f"wide{mark}"))
            post("touchpoints", at=at, kind=name, deal_id=wide, contacts=contacts)
        due = (clock.now() - timedelta(days=5)).date().isoformat()
        post("commitments", account_id=account, promise=f"Send the plan {mark}", owner_id=first, due=due, side="theirs")

        await page.goto(f"{stack.url('gateway')}/accounts?q={mark}")
        row = page.locator(f"#account-{account}")
        await expect(row.locator(f"[data-key='{account}.open.EUR']")).to_have_attribute("value", "1500.50")
        await expect(row.locator(f"[data-key='{account}.at_risk.EUR']")).to_have_attribute("value", "1200.50")
        await expect(row).to_contain_text("one thread")
        await is_fine(page, "accounts")
        await row.get_by_role("link", name=f"Ash Mills {mark}").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(f"Ash Mills {mark}")
        await expect(page.locator(".eyebrow")).to_contain_text(f"Ash Group {mark}")
        await expect(page.locator(f"#contact-{first}")).to_contain_text(f"Ida {mark}")
        await expect(page.locator(f"#contact-{first}")).to_contain_text("Economic buyer")
        await expect(page.get_by_role("region", name="Who spoke with whom", exact=True)).to_contain_text(f"Per {mark}")
        await expect(page.get_by_role("region", name="Promises", exact=True)).to_contain_text(f"Send the plan {mark}")
        await expect(page.get_by_role("region", name="Promises", exact=True)).to_contain_text("Overdue")
        await is_fine(page, "account")
