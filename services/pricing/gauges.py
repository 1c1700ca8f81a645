"""How many quotes there are, by what became of them, for those who watch the system."""

from prometheus_client import Gauge
from sqlalchemy import text

from libs.common.observe.metrics import measured
from libs.common.runtime import Runtime

STATUSES = ("draft", "accepted", "withdrawn")
QUOTES = measured(Gauge("pricing_standing_quotes", "Quotes by what became of them", ["status"]))


async def measure(runtime: Runtime) -> None:
    """Count from one snapshot."""
    async with runtime.database.reading() as session:
        rows = await session.execute(text("SELECT status, count(*) AS quotes FROM quote GROUP BY status"))
        found = {row.status: row.quotes for row in rows}
    for status in {*STATUSES, *found}:
        QUOTES.labels(status).set(found.get(status, 0))
