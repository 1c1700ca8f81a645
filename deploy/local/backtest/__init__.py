"""`make backtest`: the product's own projection walked over imported history, scored beside simpler methods."""
