"""Why a period brought more or less than another: pipeline, creation, win rate, timing, size, scope and rates, to the cent."""
