"""`make eval-leads`: how right the conversion model is on leads whose outcome is known."""
