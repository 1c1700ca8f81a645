"""Reads a request's body up to a limit, and stops there."""

from starlette.requests import ClientDisconnect, Request


class BodyTooLarge(Exception):
    """More bytes than allowed were announced or sent; the rest was not read."""


async def read_bounded(request: Request, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge before it reads beyond `limit`, ClientDisconnect if the sender leaves."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


__all__ = ["BodyTooLarge", "ClientDisconnect", "read_bounded"]
