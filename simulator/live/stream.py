"""Continues the company after its history, one change at a time with the present time, at any pace.

The kinds of changes come in about the proportions of the history; time is compressed, so a deal lives as many changes, not as many days.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.config import Provider
from simulator.fakecrm import CrmState
from simulator.live.journal import Counters
from simulator.records import NEXT_STEPS, OPEN_STAGES, STAGE_CATEGORY, STAGES, DealRecord, LeadRecord, LeadStatus
from simulator.sending.change import Change
from simulator.world import World, company
from simulator.world.ids import external_id
from simulator.world.names import account_name, person_name, phone
from simulator.world.world import DAYS

_REST = timedelta(seconds=2)
"""A record rests this long between two changes, because two CRMs keep whole seconds only."""


class Stream:
    """Draws the next change from the present state. The state itself is kept by `CrmState`; nothing is sent here."""

    def __init__(self, world: World, crm: CrmState, counters: Counters) -> None:
        self._world, self._crm, self._counters = world, crm, counters
        self._random = random.Random(f"{world.seed}:{counters.change}")
        self.open_deals: list[tuple[Provider, str]] = []
        self.open_leads: list[tuple[Provider, str]] = []
        people = world.people
        self._sellers = [people.active_sellers(team, DAYS).tolist() for team in range(len(company.TEAMS))]

    def next(self, now: datetime) -> list[tuple[Provider, Change]]:
        """One step of the company at `now`: usually one change, two when a lead converts."""
        kind = self._random.choices(("deal", "lead", "new lead", "new deal"), (0.56, 0.28, 0.10, 0.06))[0]
        if kind == "deal" and (changed := self._move_deal(now)):
            return [changed]
        if kind == "lead" and (changes := self._move_lead(now)):
            return changes
        if kind == "new deal":
            return [self._new_deal(now)]
        return [self._new_lead(now)]

    def _at(self, provider: Provider, now: datetime) -> datetime:
        """Salesforce and Pipedrive keep whole seconds, the others milliseconds."""
        if provider in {"salesforce", "pipedrive"}:
            return now.replace(microsecond=0)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _rested(self, changed_at: datetime, now: datetime) -> bool:
        return changed_at + _REST <= now

    # Deals

    def _move_deal(self, now: datetime) -> tuple[Provider, Change] | None:
        for _ in range(min(20, len(self.open_deals))):
            place = self._random.randrange(len(self.open_deals))
            provider, deal_id = self.open_deals[place]
            deal = self._crm.deal(provider, deal_id)
            if deal is None or deal.state != "open" or deal.deleted:
                self.open_deals[place] = self.open_deals[-1]
                self.open_deals.pop()
            elif self._rested(deal.changed_at, now):
                at = self._at(provider, now)
                touched = replace(deal, changed_at=at, changed_by=deal.owner_id, last_activity_at=at)
                after = self._with_next_step(self._changed_deal(provider, touched, now))
                self._crm.put_deal(provider, after)
                return provider, Change(after, "deleted" if after.deleted else "changed", deal)
        return None

    def _changed_deal(self, provider: Provider, deal: DealRecord, now: datetime) -> DealRecord:
        today = now.date()
        weights = (0.28, 0.12, 0.20, 0.22, 0.13, 0.04, 0.004 if provider != "salesforce" else 0)
        match self._random.choices(("forward", "lost", "amount", "date", "category", "owner", "deleted"), weights)[0]:
            case "forward":
                return self._forward(deal, now)
            case "lost":
                reason = self._random.choice(company.LOSS_REASONS)
                return replace(deal, stage="Lost", category=None, close_date=today, closed_on=today, loss_reason=reason)
            case "amount":
                return replace(deal, amount=self._amount(deal.amount, self._random.lognormvariate(0.02, 0.2)))
            case "date":
                days = self._random.choice((-14, 7, 14, 21, 30, 45, 60))
                base = max(deal.close_date or today, today)
                return replace(deal, close_date=max(today, base + timedelta(days=days)))
            case "category":
                others = [c for c in ("pipeline", "best_case", "commit", "omitted") if c != deal.category]
                return replace(deal, category=self._random.choices(others, (4, 4, 4, 1)[: len(others)])[0])
            case "owner":
                return replace(deal, owner_id=self._owner(provider, deal.region, deal.segment))
            case _:
                return replace(deal, deleted=True)

    def _with_next_step(self, deal: DealRecord) -> DealRecord:
        """What is written down goes with the stage; who writes nothing down goes on so."""
        return replace(deal, next_step=NEXT_STEPS.get(deal.stage) if deal.next_step else None)

    def _forward(self, deal: DealRecord, now: datetime) -> DealRecord:
        stage = STAGES[OPEN_STAGES.index(deal.stage) + 1] if deal.stage in OPEN_STAGES else deal.stage
        by_person = deal.category != STAGE_CATEGORY[deal.stage]
        if stage == "Won":
            amount = self._amount(deal.amount, 1 - self._random.betavariate(2, 14))
            return replace(deal, stage=stage, category=None, amount=amount, close_date=now.date(), closed_on=now.date())
        return replace(deal, stage=stage, category=deal.category if by_person else STAGE_CATEGORY[stage])

    def _amount(self, amount: Decimal | None, factor: float) -> Decimal:
        changed = max(100, round(float(amount or 12_000) * factor / 10) * 10)
        return Decimal(changed + 10 if amount == changed else changed).quantize(Decimal("0.01"))

    def _new_deal(
        self, now: datetime, lead: LeadRecord | None = None, region: int | None = None
    ) -> tuple[Provider, Change]:
        accounts = self._world.accounts
        account = self._random.randrange(len(accounts.region))
        while region is not None and accounts.region[account] != region:
            account = self._random.randrange(len(accounts.region))
        buyer = self._world.account(account)
        provider = self._world.provider_of(int(accounts.region[account]))
        product = self._random.choice(company.PRODUCTS)
        size = {"enterprise": 6.5, "mid_market": 2.4, "small": 0.9}[buyer.segment]
        amount = Decimal(round(float(product.list_price) * size * self._random.lognormvariate(0, 0.5) / 50) * 50 + 500)
        at, index = self._at(provider, now), self._counters.deal
        self._counters.deal += 1
        services = product.line == "Services"
        deal = DealRecord(
            deal_id=external_id(provider, "deal", index),
            changed_at=at,
            name=f"{buyer.name} - {product.name}",
            amount=(lead.amount if lead else None) or amount.quantize(Decimal("0.01")),
            currency=company.CURRENCIES[accounts.currency[account]],
            stage="Qualify",
            close_date=now.date() + timedelta(days=self._random.randrange(20, 120)),
            category="pipeline",
            owner_id=lead.owner_id if lead else self._owner(provider, buyer.region, buyer.segment),
            account_id=buyer.account_id,
            lead_id=lead.lead_id if lead else None,
            region=buyer.region,
            market=buyer.market,
            segment=buyer.segment,
            product=product.code,
            source=lead.source if lead else "outbound",
            deal_type="new" if lead or self._random.random() < 0.7 else "expansion",
            value_basis="one_off" if services else "arr",
            term_months=None if services else self._random.choice((12, 24, 36)),
            created_at=at,
            next_step=NEXT_STEPS["Qualify"] if index % 4 else None,
            last_activity_at=at,
            changed_by=lead.owner_id if lead else None,
        )
        self._crm.put_deal(provider, deal)
        self.open_deals.append((provider, deal.deal_id))
        return provider, Change(deal, "created")

    def _owner(self, provider: Provider, region: str, segment: str) -> str:
        team = company.TEAM_OF[company.REGIONS.index(region), company.SEGMENTS.index(segment)]
        return external_id(provider, "user", self._random.choice(self._sellers[team]))

    # Leads

    def _move_lead(self, now: datetime) -> list[tuple[Provider, Change]]:
        for _ in range(min(20, len(self.open_leads))):
            place = self._random.randrange(len(self.open_leads))
            provider, lead_id = self.open_leads[place]
            lead = self._crm.lead(provider, lead_id)
            if lead is None or lead.status in {"disqualified", "converted"}:
                self.open_leads[place] = self.open_leads[-1]
                self.open_leads.pop()
            elif self._rested(lead.changed_at, now):
                return self._changed_lead(provider, lead, now)
        return []

    def _changed_lead(self, provider: Provider, lead: LeadRecord, now: datetime) -> list[tuple[Provider, Change]]:
        after = replace(lead, changed_at=self._at(provider, now))
        status = self._next_status(lead.status)
        changes: list[tuple[Provider, Change]] = []
        if status == "converted":
            deal = self._new_deal(now, lead, company.REGIONS.index(lead.region))
            changes.append(deal)
            after = replace(after, converted_deal_id=deal[1].record.external_id)
        if status in {"working", "qualified"}:
            engagement = lead.engagement_count + self._random.randrange(1, 4)
            after = replace(after, engagement_count=engagement, last_activity_at=after.changed_at)
        after = replace(after, status=status)
        self._crm.put_lead(provider, after)
        return [(provider, Change(after, "changed", lead)), *changes]

    def _next_status(self, status: LeadStatus) -> LeadStatus:
        match status:
            case "new":
                return "working"
            case "working":
                return self._random.choices(("working", "qualified", "disqualified"), (0.3, 0.3, 0.4))[0]
            case _:
                return self._random.choices(("converted", "disqualified"), (0.85, 0.15))[0]

    def _new_lead(self, now: datetime) -> tuple[Provider, Change]:
        accounts = self._world.accounts
        account = self._random.randrange(len(accounts.region))
        region = int(accounts.region[account])
        buyer, provider = self._world.account(account), self._world.provider_of(region)
        index, at = self._counters.lead, self._at(provider, now)
        self._counters.lead += 1
        name = person_name(index)
        lead = LeadRecord(
            lead_id=external_id(provider, "lead", index),
            changed_at=at,
            person_name=name,
            email=f"{name.lower().replace(' ', '.')}@account{account}.example",
            phone=phone(index),
            company=account_name(account, region),
            status="new",
            source=self._random.choice(company.SOURCES),
            region=buyer.region,
            market=buyer.market,
            segment=buyer.segment,
            product=self._random.choice(company.PRODUCTS).code,
            amount=Decimal(self._random.randrange(40, 1200) * 50).quantize(Decimal("0.01")),
            currency=company.CURRENCIES[accounts.currency[account]],
            employees={"enterprise": 4000, "mid_market": 450, "small": 45}[buyer.segment] + self._random.randrange(40),
            industry=self._random.choice(company.INDUSTRIES),
            role=self._random.choice(company.ROLES),
            engagement_count=self._random.randrange(3),
            last_activity_at=at,
            owner_id=self._owner(provider, buyer.region, buyer.segment),
            converted_deal_id=None,
            created_at=at,
        )
        self._crm.put_lead(provider, lead)
        self.open_leads.append((provider, lead.lead_id))
        return provider, Change(lead, "created")
