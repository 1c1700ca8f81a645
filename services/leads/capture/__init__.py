"""How leads become known: CRM records, capture by REST, and the deals they turn into."""
