"""How much people can take on: working time, hours a day, who is away, what they have on their hands."""
