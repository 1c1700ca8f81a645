"""A system of its own as well: what others sell moves the bands that prices are held against, of the whole company."""

from tests.e2e.first_days.conftest import await_known, crm, signed_in, stack

__all__ = ["await_known", "crm", "signed_in", "stack"]
