"""The tree of expected failures. Anything else that escapes is a bug.

LastcallError
├── Unreadable        a document does not say what its adapter expects; nothing was taken from it
├── Implausible       a document reads well but cannot be believed yet; it is held for the operator
├── FetchFailed       a document could not be had
├── SettingError      a setting is wrong: names the variable and the value
├── StoreError        the database is missing, locked, newer than the program, or damaged
├── NotFound          something that was asked for by name does not exist
└── DeliveryFailed    one attempt to deliver failed; says whether and when to try again
"""

from __future__ import annotations

from typing import Literal


class LastcallError(Exception):
    """Root of every failure that a person can be told about in one line.

    ``exit_code`` is what the command line returns for it (see docs/cli.md).
    """

    exit_code = 1


class Unreadable(LastcallError):
    """A document is not what its adapter was written for. The message names the place and the
    text.
    """

    exit_code = 3


class Implausible(LastcallError):
    """A document was read, but accepting it needs a second look: the message gives the numbers."""

    exit_code = 3


class FetchFailed(LastcallError):
    """A document could not be fetched whole. ``retry_after`` is in seconds, if the server named
    it.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class SettingError(LastcallError):
    """A setting cannot be used. The message names the variable and the value."""

    exit_code = 4


class StoreError(LastcallError):
    """The database cannot be used as it is. The message says what to do about it.

    ``again``: the transaction only met another one, and may succeed when it is run again.
    """

    exit_code = 4

    def __init__(self, message: str, *, again: bool = False):
        super().__init__(message)
        self.again = again


class NotFound(LastcallError):
    """Something asked for by name does not exist."""

    exit_code = 5


#: What follows from an attempt that failed.
Effect = Literal["retry", "stop_target", "stop_workspace", "bury", "postpone"]


class DeliveryFailed(LastcallError):
    """One attempt failed. ``effect`` says what follows:

    retry           the delivery is tried again; no delivery of the target before ``retry_after``
                    seconds, if the receiver asked for time
    stop_target     the target is disabled or paused before anything else is tried
    stop_workspace  so is every target that is reached with the same token
    bury            the message itself is refused for good, and the target is well
    postpone        something on our side failed (mail relay, egress proxy): it does not count

    ``status`` and ``answer`` (its first bytes) are kept with the attempt."""

    def __init__(
        self,
        message: str,
        *,
        effect: Effect = "retry",
        retry_after: float | None = None,
        status: int | None = None,
        answer: str = "",
    ):
        super().__init__(message)
        self.effect = effect
        self.retry_after = retry_after
        self.status = status
        self.answer = answer

    @property
    def stops(self) -> bool:
        """Return True if this error stops the target."""
        return self.effect in ("stop_target", "stop_workspace")
