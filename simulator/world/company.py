"""What the company is: regions, teams, people, products. Everything here is small and drawn once per seed."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from simulator.config import Provider
from simulator.records import ProductRecord

REGIONS = ("EMEA Central", "EMEA North", "North America", "LATAM", "APAC")
REGION_SHARE = (0.28, 0.16, 0.30, 0.10, 0.16)
REGION_PROVIDER: tuple[Provider, ...] = ("hubspot", "hubspot", "salesforce", "pipedrive", "standard")
MARKETS = ("Manufacturing", "Financial Services", "Public Sector", "Retail")
MARKET_SHARE = (0.34, 0.27, 0.17, 0.22)
SEGMENTS = ("enterprise", "mid_market", "small")
SEGMENT_SHARE = (0.18, 0.42, 0.40)
TIERS = ("strategic", "key", "standard")
SOURCES = ("inbound", "outbound", "partner", "event", "referral")
INDUSTRIES = ("Machinery", "Chemicals", "Banking", "Insurance", "Government", "Education", "Retail", "Logistics")
ROLES = ("CEO", "CFO", "VP Operations", "Head of IT", "Manager", "Analyst", "Student")
CURRENCIES = ("EUR", "USD", "GBP")
LOSS_REASONS = ("price", "competitor", "no decision", "no budget", "timing", "missing feature")
DEAL_TYPES = ("new", "expansion", "renewal")
VALUE_BASES = ("arr", "tcv", "one_off")
CATEGORIES = (None, "pipeline", "best_case", "commit", "omitted")

LINES = ("Platform", "Analytics", "Services")
PRODUCTS = (
    ProductRecord(
        code="PLT-CORE",
        name="Platform Core",
        line="Platform",
        list_price=Decimal(18000),
        cost=Decimal(4300),
        currency="EUR",
    ),
    ProductRecord(
        code="PLT-EDGE",
        name="Platform Edge",
        line="Platform",
        list_price=Decimal(9500),
        cost=Decimal(2900),
        currency="EUR",
    ),
    ProductRecord(
        code="PLT-SEC",
        name="Platform Secure",
        line="Platform",
        list_price=Decimal(27000),
        cost=Decimal(6100),
        currency="EUR",
    ),
    ProductRecord(
        code="ANA-INS", name="Insight", line="Analytics", list_price=Decimal(12500), cost=Decimal(2200), currency="EUR"
    ),
    ProductRecord(
        code="ANA-FCT",
        name="Forecasting",
        line="Analytics",
        list_price=Decimal(21000),
        cost=Decimal(3900),
        currency="EUR",
    ),
    ProductRecord(
        code="ANA-RPT", name="Reporting", line="Analytics", list_price=Decimal(6400), cost=Decimal(900), currency="EUR"
    ),
    ProductRecord(
        code="SRV-ONB", name="Onboarding", line="Services", list_price=Decimal(8000), cost=Decimal(5200), currency="EUR"
    ),
    ProductRecord(
        code="SRV-TRN", name="Training", line="Services", list_price=Decimal(3600), cost=Decimal(2100), currency="EUR"
    ),
    ProductRecord(
        code="SRV-ADV", name="Advisory", line="Services", list_price=Decimal(15500), cost=Decimal(9900), currency="EUR"
    ),
)
PRODUCT_SHARE = (0.19, 0.12, 0.10, 0.15, 0.10, 0.11, 0.10, 0.07, 0.06)
SERVICES_FROM = 6
"""Products from this index on are services: sold once, never renewed."""


@dataclass(frozen=True)
class Team:
    path: str
    region: int
    segments: tuple[int, ...]


TEAMS = (
    Team("EMEA/Enterprise Central", 0, (0,)),
    Team("EMEA/Mid-Market Central", 0, (1, 2)),
    Team("EMEA/North", 1, (0, 1, 2)),
    Team("North America/Enterprise", 2, (0,)),
    Team("North America/Commercial", 2, (1, 2)),
    Team("LATAM/All Segments", 3, (0, 1, 2)),
    Team("APAC/Enterprise", 4, (0,)),
    Team("APAC/Growth", 4, (1, 2)),
)
TEAM_OF = np.array(
    [
        [next(t for t, team in enumerate(TEAMS) if team.region == r and s in team.segments) for s in range(3)]
        for r in range(5)
    ]
)
"""Team by region and segment."""
HEADS = (("EMEA", 0), ("North America", 2), ("LATAM", 3), ("APAC", 4))
NEVER = 1_000_000

FIRST_NAMES = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Elena",
    "Finn",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Karin",
    "Liam",
    "Maria",
    "Noah",
    "Olivia",
    "Paul",
    "Rosa",
    "Samuel",
    "Tara",
    "Uwe",
    "Vera",
    "William",
    "Yara",
    "Zoe",
    "Akira",
    "Bruno",
    "Carla",
    "Diego",
    "Emi",
    "Fernanda",
    "Grace",
    "Hiro",
    "Isabel",
    "James",
    "Kavya",
    "Lucas",
    "Mei",
    "Nina",
    "Oscar",
    "Priya",
]
LAST_NAMES = [
    "Adler",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ivanova",
    "Jensen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Olsen",
    "Pereira",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Weber",
    "Xu",
    "Yilmaz",
    "Zhang",
    "Almeida",
    "Baker",
    "Carter",
    "Delgado",
    "Evans",
    "Foster",
    "Gupta",
    "Hughes",
    "Iyer",
    "Johnson",
    "Kim",
    "Lopez",
    "Mitchell",
    "Nguyen",
]


@dataclass(frozen=True)
class People:
    """Columns over the company's people. Days count from the first day of the history; `joined` 0 means before it.

    `skill` is a shift of the log odds of every step a seller's deals take; managers and heads have 0 and own no deals.
    """

    name: tuple[str, ...]
    team: NDArray[np.int16]
    """Team index; -1 for the head of a CRM's regions."""
    home: NDArray[np.int16]
    """Region whose CRM the person works in."""
    manager: NDArray[np.int16]
    """Index of the person they report to; -1 for heads."""
    skill: NDArray[np.float64]
    joined: NDArray[np.int32]
    left: NDArray[np.int32]
    """Day after which the person is gone; NEVER if they stay."""
    seller: NDArray[np.bool_]

    def active_sellers(self, team: int, day: int) -> NDArray[np.int64]:
        """Sellers of a team on a day; never empty."""
        return np.flatnonzero((self.team == team) & self.seller & (self.joined <= day) & (day < self.left))

    def pick(self, teams: NDArray[np.integer], days: NDArray[np.integer], u: NDArray[np.float64]) -> NDArray[np.int16]:
        """An active seller per record by team and day; `u` uniform in [0, 1)."""
        chosen = np.zeros(len(teams), np.int16)
        turns = np.unique(np.concatenate([self.joined, self.left]))
        epoch = np.searchsorted(turns, days, side="right")
        for team in range(len(TEAMS)):
            for turn in np.unique(epoch[teams == team]):
                rows = np.flatnonzero((teams == team) & (epoch == turn))
                sellers = self.active_sellers(team, int(turns[turn - 1]) if turn else 0)
                chosen[rows] = sellers[(u[rows] * len(sellers)).astype(np.int64)]
        return chosen


def draw_people(rng: np.random.Generator, days: int) -> People:
    """60 people: four heads, eight team managers, 48 sellers of whom some leave and some join within the history."""
    # team, home region, manager, sells, joined, left
    rows: list[tuple[int, int, int, bool, int, int]] = [(-1, region, -1, False, 0, NEVER) for _, region in HEADS]
    head_of = {0: 0, 1: 0, 2: 1, 3: 2, 4: 3}
    rows += [(index, unit.region, head_of[unit.region], False, 0, NEVER) for index, unit in enumerate(TEAMS)]
    for index, unit in enumerate(TEAMS):
        for place in range(6):
            joins = int(rng.integers(60, days - 60)) if place == 4 else 0
            leaves = int(rng.integers(90, days - 30)) if place == 5 else NEVER
            rows.append((index, unit.region, len(HEADS) + index, True, joins, leaves))
    team, home, manager, seller, joined, left = zip(*rows, strict=True)
    count = len(rows)
    names = [FIRST_NAMES[i] for i in rng.permutation(np.arange(count) % len(FIRST_NAMES))]
    surnames = [LAST_NAMES[i] for i in rng.permutation(np.arange(count) % len(LAST_NAMES))]
    sells = np.array(seller)
    drawn = np.clip(rng.normal(0, 0.55, count), -1.2, 1.2)
    skill = np.where(sells, drawn - drawn[sells].mean(), 0.0)
    return People(
        name=tuple(f"{a} {b}" for a, b in zip(names, surnames, strict=True)),
        team=np.array(team, np.int16),
        home=np.array(home, np.int16),
        manager=np.array(manager, np.int16),
        skill=skill,
        joined=np.array(joined, np.int32),
        left=np.array(left, np.int32),
        seller=sells,
    )
