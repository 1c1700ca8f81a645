"""What stands beside a deal, in a real browser: a split that adds, products against the amount, a competitor, and deals like it."""

import csv
import io
import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common.ids import entity_id
from tests.e2e.conftest import is_fine
from tests.support.days import business_day

MAPPING = """
version: 1
name: parts-company
connection: {key}
timezone: UTC
currency: EUR
files:
  deals: {{match: "deals.csv"}}
  people: {{match: "people.csv"}}
stages:
  Propose: {{state: open, probability: 0.5, category: best_case}}
  Won: {{state: won}}
  Lost: {{state: lost}}
records:
  - object: user
    file: people
    id: id
    person: {{name: name, email: email}}
    fields: {{team_path: team}}
    changes: [{{at: since}}]
  - object: deal
    file: deals
    id: id
    fields: {{name: name, pipeline: pipeline, stage: stage, amount: amount, owner_id: owner, product: product, segment: segment, loss_reason: reason, close_date: close_date, created_at: created_at}}
    changes: [{{at: changed_at}}]
"""
COLUMNS = ("id", "name", "pipeline", "stage", "amount", "owner", "product", "segment", "reason", "close_date", "created_at", "changed_at")  # fmt: skip


class Company:
    """A company of this test alone, in a pipeline of its own: one open deal and six closed ones."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.mark = uuid.uuid4().hex[:5].upper()
        self.key = f"parts-{self.mark.lower()}"
        self.stack = stack
        (folder / "mapping.yaml").write_text(MAPPING.format(key=self.key))
        since = "2020-01-01"
        (folder / "people.csv").write_text(
            "id,name,email,team,since\n"
            f"1,Ida Holm {self.mark},ida-{self.key}@example.com,EMEA/North,{since}\n"
            f"2,Per Lund {self.mark},per-{self.key}@example.com,EMEA/South,{since}\n"
        )
        (folder / "deals.csv").write_text(self._deals())
        stack.command("gateway", "import", str(folder), "--mapping", str(folder / "mapping.yaml"))

    def deal(self, name: str) -> str:
        return str(entity_id(self.key, "deal", name))

    def _deals(self) -> str:
        today, written = business_day(), io.StringIO()
        rows = csv.writer(written)
        rows.writerow(COLUMNS)

        def row(name: str, stage: str, at: date, amount: int, product: str, segment: str, *, born: date) -> None:
            reason = "Price" if stage == "Lost" else ""
            due = today + timedelta(days=20)
            of = (self.key, stage, amount, "1", product, segment, reason, due, born, at)
            rows.writerow([name, f"{name.title()} {self.mark}", *of])

        for number, (stage, amount, product, segment) in enumerate(
            (
                ("Won", 49_000, "Analytics", "Industry"),
                ("Lost", 52_000, "Analytics", "Industry"),
                ("Lost", 30_000, "Analytics", "Industry"),
                ("Won", 45_000, "Planning", "Industry"),
                ("Lost", 400_000, "Ledger", "Finance"),
                ("Won", 9_000, "Ledger", "Finance"),
            )
        ):
            born, name = today - timedelta(days=160 - number), f"past {number}"
            row(name, "Propose", born, amount, product, segment, born=born)
            row(name, stage, today - timedelta(days=60 - number), amount, product, segment, born=born)
        born = today - timedelta(days=30)
        row("mill rollout", "Propose", born, 50_000, "Analytics", "Industry", born=born)
        return written.getvalue()


@pytest.mark.refused_forms(1)
async def test_a_split_that_does_not_add_is_refused_a_competitor_is_named_and_deals_like_it_are_shown(
    stack: Stack, page: Page, tmp_path: Path
) -> None:
    company = Company(stack, tmp_path)
    deal, mark = company.deal("mill rollout"), company.mark
    with Crms(stack) as crms:

        def known() -> bool:
            won = crms.http.get(f"/api/v1/deals/{company.deal('past 5')}")
            told = crms.http.get(f"/api/v1/forecast/deals/{deal}/history")
            people = crms.http.get("/api/v1/organisation/people").json()["people"]
            placed = {each["person_id"] for each in people}
            users = {str(entity_id(company.key, "user", number)) for number in ("1", "2")}
            return bool(
                won.is_success
                and won.json()["state"] == "won"
                and told.is_success
                and told.json()["current"]
                and users <= placed
            )

        assert wait_until(known, timeout_s=60)
        body = "deal_id,competitor,state,source\n" + "".join(
            f"{company.deal(f'past {number}')},Oak Books {mark},{state},buyer\n"
            for number, state in ((0, "out"), (1, "lost_to"), (2, "lost_to"))
        )
        answer = crms.http.post("/api/v1/deals/competitors/import", content=body, headers={"Content-Type": "text/csv"})
        assert answer.json()["kept"] == 3, answer.text

    await page.goto(f"{stack.url('gateway')}/deals/{deal}")
    credit = page.locator("#credit")
    await expect(credit.locator("tr[data-kind='revenue']")).to_have_count(1)
    await expect(credit.locator("tr[data-kind='revenue']")).to_contain_text(f"Ida Holm {mark}")
    await credit.locator("#split-revenue > summary").click()
    form = credit.locator("#split-revenue form")
    for number, (name, percent) in enumerate((("Ida Holm", "60"), ("Per Lund", "30")), start=1):
        await form.get_by_label(f"Person {number}", exact=True).fill(f"{name} {mark}")
        await form.get_by_label(f"Percent of person {number}").fill(percent)
    await form.get_by_role("button", name="Save").click()
    await expect(credit.get_by_role("alert")).to_contain_text("add to 90 % and must make 100 %: 10 % are nobody's")
    await expect(form.get_by_label("Person 2", exact=True)).to_have_value(f"Per Lund {mark}")
    await form.get_by_label("Percent of person 2").fill("40")
    await form.get_by_role("button", name="Save").click()
    parts = credit.locator("tr[data-kind='revenue'] data[data-key='credit.revenue']")
    await expect(parts).to_have_text(["30,000.00", "20,000.00"])

    products = page.locator("#products")
    await products.locator("#lines-form > summary").click()
    lines = products.locator("#lines-form form")
    await lines.get_by_label("Product of line 1").fill("Analytics")
    await lines.get_by_label("Quantity of line 1").fill("40")
    await lines.get_by_label("Price of line 1").fill("1,000")
    await lines.get_by_label("Product of line 2").fill("Training")
    await lines.get_by_label("Amount of line 2").fill("7500")
    await lines.get_by_role("button", name="Save").click()
    await expect(products.locator("data[data-key='lines.total']")).to_have_text("47,500.00")
    await expect(products.get_by_role("row", name="In the deal’s amount, in no line")).to_contain_text("2,500.00")

    rivals = page.locator("#competitors")
    named = rivals.locator("#competitor-form form")
    await named.get_by_label("Competitor").fill(f"oak books {mark}")
    await named.get_by_label("Who says so").select_option("buyer")
    await named.get_by_role("button", name="Save").click()
    oak = rivals.get_by_role("row", name=f"oak books {mark}")
    await expect(oak).to_contain_text("In play")
    await expect(oak).to_contain_text("1 of 3")
    await expect(oak).to_contain_text("too few for a rate")

    near = page.locator("#nearest")
    await expect(near.locator("tr[data-deal]")).to_have_count(5)
    first = near.locator("tr[data-deal]").first
    await expect(first).to_contain_text(f"Past 0 {mark}")
    await expect(first).to_contain_text("Won")
    await expect(first).to_contain_text("Same product, segment, stage, team; about the same amount")
    lost = near.locator(f"tr[data-deal='{company.deal('past 1')}']")
    await expect(lost).to_contain_text(f"to Oak Books {mark}: Price")
    await is_fine(page, "deal-parts")
    await page.goto(f"{stack.url('gateway')}/deals?q={mark}")
    await expect(page.locator(f"#deal-{deal} td[data-field='amount']")).to_contain_text("60 % the owner’s")
    await page.goto(f"{stack.url('gateway')}/deals/credit")
    helped = page.get_by_role("row", name=f"Per Lund {mark}")
    await expect(helped.locator("data[data-key='others']")).to_have_attribute("value", "20000.00")
    amounts = await page.locator("#credit-EUR data[data-key='credited']").evaluate_all(
        "all => all.map(each => each.value)"
    )
    whole = await page.locator("#credit-EUR data[data-key='whole']").get_attribute("value")
    assert sum(map(Decimal, amounts)) == Decimal(whole or 0)
    await is_fine(page, "deals-credit")
    await page.goto(f"{stack.url('gateway')}/deals/competitors")
    await expect(
        page.locator("#rivals").get_by_role("row", name=re.compile(f"oak books {mark}", re.IGNORECASE))
    ).to_contain_text("1 of 3")
    await is_fine(page, "deals-competitors")
    await page.goto(f"{stack.url('gateway')}/deals/{deal}")
    await first.get_by_role("link", name=f"Past 0 {mark}").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"Past 0 {mark}")
