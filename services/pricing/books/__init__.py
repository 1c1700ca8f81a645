"""Price and cost books: what a product costs the customer and us, by market, segment and currency, from a day on."""
