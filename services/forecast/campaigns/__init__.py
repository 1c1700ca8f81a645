"""What leads tell of campaigns, in the currency of the forecast: cost, leads, pipeline, won and return."""
