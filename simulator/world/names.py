"""Names of accounts and persons, computed from their number: nothing to store, the same every time."""

from simulator.world.company import FIRST_NAMES, LAST_NAMES

_FIRST = [
    "Adler",
    "Boreal",
    "Cedar",
    "Delta",
    "Ember",
    "Falcon",
    "Granite",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Meridian",
    "Nimbus",
    "Orion",
    "Pioneer",
    "Quartz",
    "Ridge",
    "Summit",
    "Tidal",
    "Umbra",
    "Vertex",
    "Willow",
    "Xenon",
    "Yarrow",
    "Zenith",
    "Alder",
    "Beacon",
    "Copper",
    "Dorado",
    "Echo",
    "Fjord",
    "Glacier",
    "Helix",
    "Indigo",
    "Jasper",
    "Krona",
]
_SECOND = [
    "Works",
    "Systems",
    "Logistics",
    "Foods",
    "Energy",
    "Health",
    "Retail",
    "Bank",
    "Insurance",
    "Motors",
    "Textiles",
    "Chemicals",
    "Robotics",
    "Media",
    "Partners",
    "Pharma",
    "Materials",
    "Aviation",
    "Ports",
    "Mills",
    "Optics",
    "Instruments",
    "Utilities",
]
_FORM = ("GmbH", "AB", "Inc.", "S.A.", "Pte. Ltd.")


def account_name(index: int, region: int) -> str:
    """37 x 23 names, then with a number; the legal form is the region's."""
    turn, rest = divmod(index, len(_FIRST) * len(_SECOND))
    mixed = rest * 389 % (len(_FIRST) * len(_SECOND))
    first, second = divmod(mixed, len(_SECOND))
    number = f" {turn + 1}" if turn else ""
    return f"{_FIRST[first]} {_SECOND[second]}{number} {_FORM[region]}"


def person_name(index: int) -> str:
    mixed = index * 7919
    return f"{FIRST_NAMES[mixed % len(FIRST_NAMES)]} {LAST_NAMES[mixed // len(FIRST_NAMES) % len(LAST_NAMES)]}"


def phone(index: int) -> str:
    """A number from the range reserved for fiction."""
    return f"+1 555 01{index % 100:02d} {index // 100 % 10000:04d}"
