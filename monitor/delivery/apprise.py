"""One try at one service of Apprise, which is any URL that the library knows.

Apprise makes its own connections: the address guard has no say here, and only who has the command
line can add one. It blocks, so it works in threads of its own, and what it logs is dropped, since
that may be the URL with its secrets."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import apprise

from monitor.errors import DeliveryFailed

#: In seconds. A thread that is still waiting then is left to the time limits of Apprise.
DEADLINE = 30.0
#: Tries at the same time.
THREADS = 8

for _name in ("apprise", "urllib3", "requests"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")


def service(url: str) -> apprise.NotifyBase:
    """The service behind a URL. The ValueError does not show it."""
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False, plugin_paths=[])
    found = apprise.Apprise.instantiate(url, asset=asset)
    if found is None:
        raise ValueError("no URL of a service that Apprise knows")
    return found


async def send(
    pool: ThreadPoolExecutor, url: str, title: str, text: str, deadline: float = DEADLINE
) -> tuple[int, str]:
    """Nothing is known of what arrived but that it did; else DeliveryFailed."""
    try:
        async with asyncio.timeout(deadline):
            arrived = await asyncio.get_running_loop().run_in_executor(
                pool, _notify, url, title, text
            )
    except ValueError as error:
        raise DeliveryFailed(f"apprise: {error}", permanent=True) from None
    except TimeoutError:
        raise DeliveryFailed(f"apprise: no answer within {deadline:g} s") from None
    if not arrived:
        raise DeliveryFailed("apprise: the service did not take the message, or cannot be reached")
    return 0, ""


def _notify(url: str, title: str, text: str) -> bool:
    hub = apprise.Apprise()
    hub.add(service(url))
    return bool(hub.notify(title=title, body=text, body_format="text"))
