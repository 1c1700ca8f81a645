"""Why a forecast moved, and why a period brought more or less than another."""
