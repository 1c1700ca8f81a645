"""The queue: which lead comes next, by grade, and how long it may wait for an answer."""
