"""The guard of the page's server: only pages that this server sent may talk to it, and they may load nothing else.

A foreign page in the same browser can send requests to 127.0.0.1, also under a name of its own that it lets point there
(DNS rebinding). Its requests carry that name as their Host, or its own address as their Origin.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; form-action 'none'"
)
"""Content Security Policy: the browser itself refuses to load anything from elsewhere."""
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the server listens."""

    host: str
    port: int
    """0 is any free port."""
    browser: bool = False
    """Open the page in the user's browser."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        address = _address(self.host)
        return self.host.lower() == "localhost" or (address is not None and address.is_loopback)

    @property
    def names(self) -> frozenset[str]:
        """The names under which the server may be asked, beside its addresses."""
        more = () if self.loopback else (self.host, socket.gethostname(), socket.getfqdn())
        return frozenset(name.lower() for name in ("localhost", *more))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class Guard:
    """An ASGI application around another one. It refuses requests of foreign pages with 403."""

    def __init__(self, app: App, own: Address) -> None:
        self.app = app
        self._names, self._only_loopback = own.names, own.loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not self.allows(scope["headers"]):
            await _refuse(scope, receive, send)
        else:

            async def with_headers(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message.get("headers", ()), *_HEADERS]
                await send(message)

            await self.app(scope, receive, with_headers)

    def allows(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers is from a page of this server, or typed by the user."""
        found: dict[bytes, list[str]] = {}
        for name, value in headers:
            found.setdefault(name.lower(), []).append(value.decode("latin-1"))
        hosts, origins = found.get(b"host", []), found.get(b"origin", [])
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            return False
        return all(origin.lower() == f"http://{hosts[0].lower()}" for origin in origins)

    def _is_own(self, host: str) -> bool:
        """Whether a Host is an address or a name of this server. A foreign page can choose a name, but no address."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        address = _address(name)
        if address is None:
            return name in self._names
        return address.is_loopback or not self._only_loopback


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"This server answers its own page only.\n"})
