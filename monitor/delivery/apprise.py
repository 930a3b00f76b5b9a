"""Send to one service of Apprise, which is any URL that the library knows.

Apprise makes its own connections, past the address guard: only the command line can add such a
target. It blocks, so it works in threads of its own. What it logs is dropped, since that may be the
URL with its secrets."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import apprise

from monitor.errors import DeliveryFailed

#: One attempt, in seconds. A thread that still waits then is left to the time limits of Apprise.
DEADLINE = 30.0
#: Attempts at the same time.
THREADS = 8
#: How long a message waits for a thread, in seconds. With the deadline it is less than a lease
#: (queue.LEASE): nobody else may send the message meanwhile.
PATIENCE = 25.0

for _name in ("apprise", "urllib3", "requests"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def service(url: str) -> apprise.NotifyBase:
    """Return the service behind a URL. The ValueError for an unknown one does not show the URL."""
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False, plugin_paths=[])
    found = apprise.Apprise.instantiate(url, asset=asset)
    if found is None:
        raise ValueError("no URL of a service that Apprise knows")
    return found


class AppriseThreads:
    """The threads in which Apprise sends. Waiting for a free one is no failure of a target."""

    def __init__(
        self, count: int = THREADS, deadline: float = DEADLINE, patience: float = PATIENCE
    ):
        self.deadline = deadline
        self.patience = patience
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="apprise")
        self._free = asyncio.Semaphore(count)

    def close(self) -> None:
        """Start nothing more. Threads under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def send(self, url: str, title: str, text: str) -> tuple[int, str]:
        """Send a message. Nothing is known of what arrived but that it did.

        The deadline starts with the thread: a queue in front of the threads is no failure of the
        service, and nothing is sent of what waited for too long. Raise DeliveryFailed."""
        try:
            async with asyncio.timeout(self.patience):
                await self._free.acquire()
        except TimeoutError:
            raise DeliveryFailed(
                f"apprise: all threads are busy since {self.patience:g} s", effect="postpone"
            ) from None
        sending = asyncio.get_running_loop().run_in_executor(self._pool, _notify, url, title, text)
        sending.add_done_callback(self._finished)
        try:
            async with asyncio.timeout(self.deadline):
                arrived = await asyncio.shield(sending)  # the thread goes on after the deadline
        except ValueError as error:
            raise DeliveryFailed(f"apprise: {error}", effect="stop_target") from None
        except TimeoutError:
            raise DeliveryFailed(f"apprise: no answer within {self.deadline:g} s") from None
        if not arrived:
            raise DeliveryFailed(
                "apprise: the service did not take the message, or cannot be reached"
            )
        return 0, ""

    def _finished(self, sending: asyncio.Future[bool]) -> None:
        """Give the thread back once it is done, not when its deadline is over."""
        self._free.release()
        if not sending.cancelled():
            sending.exception()  # retrieved, so that asyncio does not log it


def _notify(url: str, title: str, text: str) -> bool:
    hub = apprise.Apprise()
    hub.add(service(url))
    return bool(hub.notify(title=title, body=text, body_format="text"))
