"""`make eval-prices`: whether the win curve is right where prices were designed, and refused where people chose them."""
