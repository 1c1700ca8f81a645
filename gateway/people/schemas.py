"""Names of people, for those who may see them."""

from uuid import UUID

from libs.common.web.schemas import Out


class PersonOut(Out):
    id: UUID
    name: str | None


class PeopleOut(Out):
    items: list[PersonOut]
