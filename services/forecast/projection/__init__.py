"""The projection: the distribution of what will be won by a day, from how deals moved so far. Pure numbers."""
