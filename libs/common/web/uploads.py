"""CSV files as the body of a request."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request

from libs.common.web.api import MAX_BODY_BYTES
from libs.common.web.errors import TooLarge, UnsupportedType


class NotCsv(UnsupportedType):
    """The body is no CSV file."""


class ImportTooLarge(TooLarge):
    """The file is larger than a body may be."""


CSV_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}
"""`openapi_extra` of a route that takes a `CsvBody`."""


async def _csv_body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "text/csv":
        raise NotCsv("Send the file as the body, with Content-Type: text/csv.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ImportTooLarge(f"The file exceeds {MAX_BODY_BYTES // 1024 // 1024} MiB; send it in parts.")
    return bytes(body)


CsvBody = Annotated[bytes, Depends(_csv_body)]
"""The file, read up to what a body may hold. Raises NotCsv, ImportTooLarge."""
