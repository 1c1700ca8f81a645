"""What is stored of a request besides its body, so that expressions can read it later."""

from urllib.parse import parse_qsl, urlsplit

from gateway.connectors.generic.document import Source
from gateway.connectors.generic.items import QUERY
from gateway.connectors.verification import WebhookRequest

MAX_VALUE = 500


def kept(source: Source, request: WebhookRequest) -> dict[str, str]:
    """The headers and query parameters that the document names; a parameter under a name that no header can have."""
    found = {
        name: request.headers[name][:MAX_VALUE]
        for name in (each.lower() for each in source.keep.headers)
        if name in request.headers
    }
    if source.keep.query:
        query = dict(parse_qsl(urlsplit(request.url).query))
        found |= {QUERY + name: query[name][:MAX_VALUE] for name in source.keep.query if name in query}
    return found
