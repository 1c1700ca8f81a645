"""Response clocks: how long a lead may wait for its first answer, and who is told when it waits longer."""
