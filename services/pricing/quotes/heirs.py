"""For whom a quote is by now: a quote of an absorbed deal is that of its heir, with the heir's owner, account and state.

Parts of statements that join `deal_reference deal`. An heir of which no event has come yet takes nothing over.
"""

HEIR = "LEFT JOIN deal_reference heir ON heir.deal_id = deal.absorbed_into AND heir.version > 0"
PURSUED = "coalesce(heir.state, deal.state) <> 'lost' AND NOT coalesce(heir.removed, deal.removed)"
"""The deal is open or won: what its quotes gave or promised holds. It holds again when the CRM reopens a lost deal."""


def of_heir(column: str) -> str:
    """A column of the heir where there is one, else of the deal; what the heir has not, the deal does not lend it."""
    return f"(CASE WHEN heir.deal_id IS NULL THEN deal.{column} ELSE heir.{column} END)"
