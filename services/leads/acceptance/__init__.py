"""How far down the queue a team can go: the line between the leads that fit its free hours and those that do not."""
