"""Versions as entity tags: `"7"` names version 7 of whatever was read."""

from libs.common.web.errors import Invalid, PreconditionFailed


class UnreadableEntityTag(Invalid):
    """An If-Match header that is not a tag this service gave."""


class VersionHasMoved(PreconditionFailed):
    """Somebody or the CRM changed it after it was read."""


def etag(version: int) -> str:
    return f'"{version}"'


def check(if_match: str | None, version: int, *, noun: str) -> None:
    """Raise VersionHasMoved unless `if_match` is absent, `*`, or names `version`."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")}
    if not all(tag.isdigit() for tag in tags):
        raise UnreadableEntityTag(f'If-Match {if_match!r} is not a version such as "7".')
    if str(version) not in tags:
        raise VersionHasMoved(f"{noun} is at version {version}, not {if_match}; read it again.", version=version)
