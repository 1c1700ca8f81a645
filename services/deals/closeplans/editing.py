"""Templates of close plans: every change is a new version; plans that were begun stay as they are."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from services.deals.closeplans import repository, service
from services.deals.closeplans.plan import Task
from services.deals.closeplans.schemas import TemplateIn, TemplateTask

EDITORS: Final = ("sales_ops",)
"""Roles that may change templates."""


async def put_template(
    session: AsyncSession, template: str, wanted: TemplateIn, *, if_match: str | None, principal: Principal
) -> None:
    """Write a template's next version; the same content again writes none..

    Raises MissingRole, VersionHasMoved, TasksNotRight, TasksInACircle.
    """
    require(principal, *EDITORS)
    await repository.lock_template(session, template)
    known = await repository.templates(session, template)
    version = known[0]["version"] if known else 0
    etags.check(if_match, version, noun=f"Template {template!r}")
    _check(wanted.tasks)
    tasks = [task.model_dump(mode="json") for task in wanted.tasks]
    if known and TemplateIn(name=known[0]["name"], tasks=repository.tasks_of(known[0])) == wanted:
        return
    at = await outbox.stamp(session)
    await repository.append_template(
        session, template, version + 1, name=wanted.name, tasks=tasks, author=principal.subject, at=at
    )


def _check(tasks: Sequence[TemplateTask]) -> None:
    ids = {task.key: entity_id("foretell", "template-task", task.key) for task in tasks}
    if len(ids) < len(tasks):
        raise service.TasksNotRight("tasks: two have the same key; give each its own.")
    for task in tasks:
        missing = next((one for one in task.after if one not in ids), None)
        if missing is not None:
            raise service.TasksNotRight(f"after: {task.key!r} waits for {missing!r}, which is no task of the template.")
    service.check(
        {ids[t.key]: Task(ids[t.key], t.title, t.side, t.days, tuple(ids[one] for one in t.after)) for t in tasks}
    )
