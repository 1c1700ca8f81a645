"""What the API tells about the caller."""

from uuid import UUID

from libs.common.web.schemas import Out


class Me(Out):
    """The caller as the services see it."""

    subject: str
    roles: list[str]
    scope: list[UUID]
