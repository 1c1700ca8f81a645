"""How likely a lead converts: the fitted model, its registry, its scores and how right they were."""
