"""The running system that faults are injected into is the one that runbooks are followed in."""

from tests.faults.conftest import books, crms, stack

__all__ = ["books", "crms", "stack"]
