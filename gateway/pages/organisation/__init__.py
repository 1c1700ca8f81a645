"""The organisation: units, people, vacant lines."""
