"""From files and a mapping to canonical changes, as a stream and without a database."""
