"""Lists of deals to work on: filtered, sorted, with their open edits; what is missing in money; saved views."""
