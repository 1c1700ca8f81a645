"""Who gets which lead: rules as data, turns with a memory, and what people decide, which goes before."""
