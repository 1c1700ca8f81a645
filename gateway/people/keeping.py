"""The job that tells match keys of people."""

from gateway.people import service
from libs.common.runtime import Runtime
from libs.common.web.auth import Principal


async def tell_keys(runtime: Runtime) -> None:
    """Tell keys of everybody new, changed or erased, in transactions of their own so that locks are held shortly."""
    told = 1
    while told:
        async with runtime.database.transaction() as session:
            told = await service.tell_next_keys(session, principal=Principal.system("gateway"))
