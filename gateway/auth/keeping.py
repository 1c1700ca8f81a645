"""The job that tells once what those may do who had it before it was told at all."""

from gateway.auth import repository
from gateway.auth.told import key_of, tell_rights
from libs.common.runtime import Runtime

MOST = 500


async def tell_untold(runtime: Runtime) -> None:
    """Tell of everybody of whom nothing was told yet, once; as of the day they were made, so that any change that is told goes before it."""
    found = MOST
    while found == MOST:
        async with runtime.database.transaction() as session:
            untold = await repository.untold(session, limit=MOST)
            for key, principal, at in untold:
                await tell_rights(session, key or key_of(principal.subject.removeprefix("key:")), principal, at=at)
        found = len(untold)
