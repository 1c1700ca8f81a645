"""What is known of the quote that sets a deal's amount."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Quoted:
    """Amounts of the quote in its own currency; None where unknown. `below_floor`: what is missing to the floor of its band."""

    deal_id: UUID
    quote_id: UUID
    revision: int
    currency: str
    net: Decimal
    listed: Decimal | None
    pocket: Decimal | None
    cost: Decimal | None
    below_floor: Decimal | None

    @property
    def margin(self) -> Decimal | None:
        """Pocket less cost; None unless both are known."""
        return None if self.pocket is None or self.cost is None else self.pocket - self.cost

    @property
    def margin_of_net(self) -> Decimal | None:
        """What of each unit of bookings is margin; None where that is unknown or nothing was invoiced."""
        return None if self.margin is None or self.net <= 0 else self.margin / self.net
