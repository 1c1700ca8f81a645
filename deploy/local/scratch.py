"""A PostgreSQL server for one benchmark: made, started, and gone with its folder."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.children import Terminal
from deploy.local.ports import free_port
from deploy.local.postgres import Passwords, Postgres


@contextmanager
def scratch_postgres(database: str) -> Iterator[tuple[Postgres, Path]]:
    """A running server with one empty database, and the folder that it is in. PostgreSQL's own user has to enter that."""
    with tempfile.TemporaryDirectory(prefix=f"foretell-{database}-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        passwords = Passwords(*(secrets.token_hex(8) for _ in range(3)))
        postgres = Postgres(
            home, port=free_port(), passwords=passwords, terminal=Terminal(quiet=True), databases=(database,)
        )
        postgres.start()
        try:
            yield postgres, home
        finally:
            postgres.stop()
