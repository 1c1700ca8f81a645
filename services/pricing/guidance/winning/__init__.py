"""What a price does to the chance of winning, where prices varied for reasons unrelated to the deal. Pure numbers."""
