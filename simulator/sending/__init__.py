"""The senders of the four providers; `simulator.senders` is the door."""
