"""A delivery as a CRM would send it, made here: to see that a connection's door, mapping and effect are right."""
