"""The HTTP sessions of deliveries: behind the address guard, without cookies, redirects or a proxy
of the environment; and their failures as text that shows no URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from monitor import __version__
from monitor.errors import DeliveryFailed, Effect

if TYPE_CHECKING:
    from monitor.delivery.address_guard import Guard

USER_AGENT = f"lastcall/{__version__}"
#: In all, and of it to connect, in seconds; Standard Webhooks asks for 15 to 30.
DEADLINE = 15.0
CONNECT = 5.0
#: What aiohttp, and the SDKs on it, raise for a connection that fails.
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
#: With these a proxy reports that what is behind it failed, and not the proxy.
_BEHIND_THE_PROXY = (403, 502, 503, 504)


def session(guard: Guard) -> aiohttp.ClientSession:
    """Return a session that sends through the guard's connector, or through its proxy.

    Nothing is decompressed. The caller closes it."""
    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        proxy=guard.proxy or None,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


def broken_connection(error: Exception, deadline: float) -> DeliveryFailed:
    """Return a failure before the answer. One of the egress proxy is not held against a target."""
    effect: Effect = "postpone" if _is_proxy_failure(error) else "retry"
    return DeliveryFailed(_failure_text(error, deadline), effect=effect)


def _is_proxy_failure(error: Exception) -> bool:
    """Return whether the egress proxy failed, and not what is behind it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status not in _BEHIND_THE_PROXY
    return isinstance(error, aiohttp.ClientProxyConnectionError)


def _failure_text(error: Exception, deadline: float) -> str:
    """Describe a failure before the answer. aiohttp's own text may hold the URL."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the egress proxy answered HTTP {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return (
                f"the egress proxy cannot be reached: {error.os_error.strerror or error.os_error}"
            )
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return f"tls: {_tls_cause(error)}"
        case aiohttp.ClientConnectorError(os_error=ConnectionError(errno=None)):
            # The connection stood, and then ended.
            return "tls: the connection was closed in the handshake"
        case aiohttp.ClientConnectorError():
            return f"cannot connect: {error.os_error.strerror or error.os_error}"
        case TimeoutError():
            return f"no answer within {deadline:g} s"
        case aiohttp.ServerDisconnectedError() | ConnectionError() | aiohttp.ClientOSError():
            return "the connection was closed before an answer"
        case _:
            return f"the answer cannot be read: {type(error).__name__}"


def _tls_cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (
        getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or type(cause).__name__
    )
