"""How many leads there are, by what was decided of them, for those who watch the system."""

from prometheus_client import Gauge
from sqlalchemy import text

from libs.common.observe.metrics import measured
from libs.common.runtime import Runtime

VERDICTS = ("pending", "qualified", "rejected")
LEADS = measured(Gauge("leads_standing_leads", "Leads that are neither merged nor deleted, by verdict", ["verdict"]))


async def measure(runtime: Runtime) -> None:
    """Count from one snapshot."""
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text(
                """
                SELECT verdict, count(*) AS leads FROM lead
                WHERE captured AND NOT deleted AND merged_into IS NULL AND verdict IS NOT NULL GROUP BY verdict
                """
            )
        )
        found = {row.verdict: row.leads for row in rows}
    for verdict in {*VERDICTS, *found}:
        LEADS.labels(verdict).set(found.get(verdict, 0))
