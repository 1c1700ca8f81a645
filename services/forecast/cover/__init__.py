"""How accounts are covered by executives, in money, as deals tell it."""
