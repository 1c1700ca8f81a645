"""The world: builds the company's history from a seed, and tells every record's state at any time, and the truth behind it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simulator.config import Provider
from simulator.records import LEAD_STATUSES, NEXT_STEPS, STAGES, AccountRecord, DealRecord, LeadRecord, UserRecord
from simulator.world import company, market, pipeline
from simulator.world.ids import external_id, index_of
from simulator.world.names import account_name, person_name, phone
from simulator.world.truth import Truth

DAYS = 730
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _amount(minor: int) -> Decimal | None:
    return None if minor < 0 else Decimal(minor).scaleb(-2)


class World:
    """24 months of a company's sales, ending with the last full day (UTC) before `now`.

    The same `(seed, deals, now's date)` gives the same world, whatever the machine. `deals` is the wanted number of deals; the actual
    one differs by a few per cent because leads convert and contracts renew by chance.
    """

    def __init__(
        self, *, seed: int, deals: int, now: datetime, progress: Callable[[int], None] = lambda _day: None
    ) -> None:
        self.seed = seed
        self.end = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        self.start: date = (self.end - timedelta(days=DAYS)).date()
        self.start_ms = round((self.end - timedelta(days=DAYS) - _EPOCH).total_seconds() * 1000)
        rng = np.random.default_rng([seed, deals])
        weekday = self.start.weekday()
        self.people = company.draw_people(rng, DAYS)
        self.accounts = market.draw_accounts(rng, max(40, int(deals * 0.35)), self.start_ms, DAYS)
        self.leads = market.draw_leads(rng, self.accounts, self.people, int(deals * 1.1), self.start_ms, DAYS, weekday)
        converted = int((self.leads.converted >= 0).sum())
        direct = max(1, int(deals * 0.88) - converted)
        prospects = pipeline.draw_prospects(
            rng, self.accounts, self.leads, direct, int(deals * 0.085), self.start_ms, DAYS, weekday
        )
        done = pipeline.simulate(rng, prospects, self.people, self.start, self.start_ms, DAYS, progress)
        self.deals, self.versions = done.deals, done.versions
        self.lead_deal = np.full(len(self.leads), -1, np.int64)
        with_lead = np.flatnonzero(self.deals["lead"] >= 0)
        self.lead_deal[self.deals["lead"][with_lead]] = with_lead

    @cached_property
    def truth(self) -> Truth:
        return Truth.of(self.deals, self.versions, self.people)

    # Records

    def provider_of(self, region: int) -> Provider:
        return company.REGION_PROVIDER[region]

    def user(self, index: int, *, at: datetime | None = None) -> UserRecord:
        """A person as of `at` (default: the end of the history)."""
        day = DAYS if at is None else (at - _instant(self.start_ms)).days
        people = self.people
        left, joined = int(people.left[index]), int(people.joined[index])
        since = left if left <= day else joined
        changed = self.start_ms + since * market.DAY_MS if since else self.start_ms - 30 * market.DAY_MS
        provider = self.provider_of(int(people.home[index]))
        manager, team = int(people.manager[index]), int(people.team[index])
        name = people.name[index]
        return UserRecord(
            user_id=external_id(provider, "user", index),
            name=name,
            email=f"{name.lower().replace(' ', '.')}.{index}@seller.example",
            team_path=company.TEAMS[team].path if team >= 0 else company.HEADS[index][0],
            manager_id=external_id(provider, "user", manager) if manager >= 0 else None,
            active=left > day,
            changed_at=_instant(changed),
        )

    def user_changes(self) -> Iterator[tuple[Provider, UserRecord]]:
        """Every person as they came, and again inactive as they left; not in order of time."""
        people = self.people
        for index in range(len(people.name)):
            provider = self.provider_of(int(people.home[index]))
            joined, left = int(people.joined[index]), int(people.left[index])
            yield provider, self.user(index, at=_instant(self.start_ms + joined * market.DAY_MS))
            if left < DAYS:
                yield provider, self.user(index, at=_instant(self.start_ms + left * market.DAY_MS))

    def account(self, index: int) -> AccountRecord:
        accounts = self.accounts
        provider = self.provider_of(int(accounts.region[index]))
        parent = int(accounts.parent[index])
        return AccountRecord(
            account_id=external_id(provider, "account", index),
            name=account_name(index, int(accounts.region[index])),
            region=company.REGIONS[accounts.region[index]],
            market=company.MARKETS[accounts.market[index]],
            segment=company.SEGMENTS[accounts.segment[index]],
            tier=company.TIERS[accounts.tier[index]],
            parent_id=external_id(provider, "account", parent) if parent >= 0 else None,
            changed_at=_instant(int(accounts.at[index])),
        )

    def lead(self, row: int) -> LeadRecord:
        """The lead's state that version `row` begins."""
        leads = self.leads
        index = int(leads.version_lead[row])
        provider = self.provider_of(int(leads.region[index]))
        status = LEAD_STATUSES[leads.version_status[row]]
        at = _instant(int(leads.version_at[row]))
        name = person_name(index)
        company_name = account_name(int(leads.account[index]), int(leads.region[index]))
        engagement = int(leads.version_engagement[row])
        return LeadRecord(
            lead_id=external_id(provider, "lead", index),
            changed_at=at,
            person_name=name,
            email=f"{name.lower().replace(' ', '.')}@account{leads.account[index]}.example",
            phone=phone(index),
            company=company_name,
            status=status,
            source=company.SOURCES[leads.source[index]],
            region=company.REGIONS[leads.region[index]],
            market=company.MARKETS[leads.market[index]],
            segment=company.SEGMENTS[leads.segment[index]],
            product=company.PRODUCTS[leads.product[index]].code,
            amount=_amount(int(leads.amount[index])),
            currency=company.CURRENCIES[leads.currency[index]],
            employees=int(leads.employees[index]),
            industry=company.INDUSTRIES[leads.industry[index]],
            role=company.ROLES[leads.role[index]],
            engagement_count=engagement,
            last_activity_at=at if engagement else None,
            owner_id=external_id(provider, "user", int(leads.owner[index])),
            converted_deal_id=external_id(provider, "deal", int(self.lead_deal[index]))
            if status == "converted"
            else None,
            created_at=_instant(int(leads.created[index])),
        )

    def deal(self, row: int) -> DealRecord:
        """The deal's state that version `row` begins."""
        version = self.versions[row]
        index = int(version["deal"])
        deal = self.deals[index]
        region, lead, product = int(deal["region"]), int(deal["lead"]), company.PRODUCTS[deal["product"]]
        provider = self.provider_of(region)
        closed, loss, term = int(version["closed_day"]), int(version["loss"]), int(deal["term"])
        kind = company.DEAL_TYPES[deal["deal_type"]]
        stage, owner = STAGES[version["stage"]], external_id(provider, "user", int(version["owner"]))
        return DealRecord(
            deal_id=external_id(provider, "deal", index),
            changed_at=_instant(int(version["at"])),
            name=f"{account_name(int(deal['account']), region)} - {product.name}"
            + ("" if kind == "new" else f" ({kind})"),
            amount=_amount(int(version["amount"])),
            currency=company.CURRENCIES[deal["currency"]],
            stage=stage,
            close_date=self.start + timedelta(days=int(version["close_day"])),
            category=company.CATEGORIES[version["category"]],
            owner_id=owner,
            account_id=external_id(provider, "account", int(deal["account"])),
            lead_id=external_id(provider, "lead", lead) if lead >= 0 else None,
            region=company.REGIONS[region],
            market=company.MARKETS[self.accounts.market[deal["account"]]],
            segment=company.SEGMENTS[deal["segment"]],
            product=product.code,
            source=company.SOURCES[deal["source"]],
            deal_type=kind,
            value_basis=company.VALUE_BASES[deal["basis"]],
            term_months=term if term > 0 else None,
            created_at=_instant(int(deal["created"])),
            closed_on=self.start + timedelta(days=closed) if closed >= 0 else None,
            loss_reason=company.LOSS_REASONS[loss] if loss >= 0 else None,
            next_step=self._next_step(index, stage),
            last_activity_at=self._last_activity(index, version),
            changed_by=owner,
            deleted=bool(version["deleted"]),
        )

    def _next_step(self, deal: int, stage: str) -> str | None:
        """One seller in four writes none down."""
        return NEXT_STEPS.get(stage) if deal % 4 else None

    def _last_activity(self, deal: int, version: NDArray[np.void]) -> datetime | None:
        """Up to five days before the change was noted, but not before there was a deal; of one in ten there never was any."""
        before = int(version["at"]) - deal % 6 * market.DAY_MS
        return None if deal % 10 == 3 else _instant(max(before, int(self.deals[deal]["created"])))

    def state_at(self, at: datetime) -> "State":
        """Every deal and lead as it was at an instant (changes at that very instant included)."""
        limit = round((at - _EPOCH).total_seconds() * 1000)
        deals = _last_rows(self.versions["at"], self.versions["deal"], len(self.deals), limit)
        leads = _last_rows(self.leads.version_at, self.leads.version_lead, len(self.leads), limit)
        return State(self, at, deals, leads)


def _last_rows(at: NDArray[np.int64], record: NDArray[np.int32], count: int, limit: int) -> NDArray[np.int64]:
    """Row of the last version per record up to `limit`, -1 where there is none; rows are in order of time."""
    until = int(np.searchsorted(at, limit, side="right"))
    rows = np.full(count, -1, np.int64)
    rows[record[:until]] = np.arange(until)
    return rows


@dataclass(frozen=True)
class State:
    """All records at one instant. `deal_rows` and `lead_rows` hold the version row per record, -1 where it did not exist yet."""

    world: World
    at: datetime
    deal_rows: NDArray[np.int64]
    lead_rows: NDArray[np.int64]

    def deals(self) -> Iterator[tuple[Provider, DealRecord]]:
        """Deals that exist, deleted ones (as such) included."""
        for row in self.deal_rows[self.deal_rows >= 0].tolist():
            record = self.world.deal(row)
            yield self.world.provider_of(company.REGIONS.index(record.region)), record

    def leads(self) -> Iterator[tuple[Provider, LeadRecord]]:
        for row in self.lead_rows[self.lead_rows >= 0].tolist():
            record = self.world.lead(row)
            yield self.world.provider_of(company.REGIONS.index(record.region)), record

    def deal(self, provider: Provider, deal_id: str) -> DealRecord | None:
        row = self._row(provider, "deal", deal_id)
        return None if row is None else self.world.deal(row)

    def lead(self, provider: Provider, lead_id: str) -> LeadRecord | None:
        row = self._row(provider, "lead", lead_id)
        return None if row is None else self.world.lead(row)

    def account(self, provider: Provider, account_id: str) -> AccountRecord | None:
        index = index_of(provider, "account", account_id)
        accounts = self.world.accounts
        if (
            index is None
            or index >= len(accounts.region)
            or self.world.provider_of(int(accounts.region[index])) != provider
        ):
            return None
        return self.world.account(index)

    def users(self) -> Iterator[tuple[Provider, UserRecord]]:
        people = self.world.people
        day = (self.at - _instant(self.world.start_ms)).days
        for index in np.flatnonzero(people.joined <= day).tolist():
            yield self.world.provider_of(int(people.home[index])), self.world.user(index, at=self.at)

    def _row(self, provider: Provider, kind: str, identifier: str) -> int | None:
        rows, regions = (
            (self.deal_rows, self.world.deals["region"])
            if kind == "deal"
            else (self.lead_rows, self.world.leads.region)
        )
        index = index_of(provider, "deal" if kind == "deal" else "lead", identifier)
        if (
            index is None
            or index >= len(rows)
            or self.world.provider_of(int(regions[index])) != provider
            or rows[index] < 0
        ):
            return None
        return int(rows[index])
