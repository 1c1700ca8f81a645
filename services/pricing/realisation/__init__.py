"""Price realisation: what is left of the list price, over time and by what took it away."""
