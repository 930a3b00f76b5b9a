"""Classify Slack's errors: which channel, workspace or message is at fault, and what to do.

The lists are from the errors of chat.postMessage and of incoming webhooks (delivery reference 2.2).
An error that is in no list is tried again: it is not known to need a person."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from slack_sdk.errors import SlackApiError

from monitor.delivery.retry_schedule import requested_wait
from monitor.errors import DeliveryFailed, Effect

#: The channel cannot be posted to until somebody does something: it is paused, never deleted.
PAUSE = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "channel_is_archived",
        "not_in_channel",
        "no_permission",
        "missing_scope",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "ekm_access_denied",
        "posting_to_general_channel_denied",
        "action_prohibited",
        "no_service",
        "no_service_id",
        "no_active_hooks",
        "invalid_token",
        "user_not_found",
        "access_denied",
        "team_access_not_granted",
    }
)
#: The token is of no use: every channel of its workspace is paused.
PAUSE_WORKSPACE = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "no_team",
        "team_disabled",
        "team_not_found",
        "org_login_required",
        "not_allowed_token_type",
    }
)
#: Slack finds the message ill-formed. Nothing was posted, and plain text is sent instead.
ILL_FORMED = frozenset(
    {
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "no_text",
        "too_many_attachments",
        "invalid_payload",
        "invalid_metadata_format",
        "metadata_too_large",
    }
)
#: The message that was to be updated or answered is gone, or cannot be changed any more.
GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
    }
)
_LONGEST_CODE = 60


class SlackFailed(DeliveryFailed):
    """Slack answered with an error. ``code`` is its name, empty if the answer was not Slack's."""

    code = ""


def slack_failure(
    status: int,
    code: str,
    answer: str,
    headers: Mapping[str, str],
    now: datetime,
    *,
    hook: bool = False,
) -> SlackFailed:
    """Return the failure behind an answer. An incoming webhook (``hook``) has no workspace."""
    is_code = 0 < len(code) <= _LONGEST_CODE and code.replace("_", "").isalnum()
    header = headers.get("Retry-After") or headers.get("retry-after")
    failure = SlackFailed(
        f"slack: {code}" if is_code else f"slack: HTTP {status}, not an answer of Slack",
        effect=_effect(code, status, hook),
        retry_after=requested_wait(status, header, now),
        status=status,
        answer=answer,
    )
    failure.code = code if is_code else ""
    return failure


def _effect(code: str, status: int, hook: bool) -> Effect:
    if code in PAUSE_WORKSPACE and not hook:
        return "stop_workspace"
    return "stop_target" if code in PAUSE | PAUSE_WORKSPACE or status == 410 else "retry"


async def call(method: Callable[..., Awaitable[Any]], now: datetime, **arguments: Any) -> Any:
    """Call a method of Slack's API. Raise SlackFailed for its errors."""
    try:
        return await method(**arguments)
    except SlackApiError as error:
        # The SDK's response, or aiohttp's own where the body was not the JSON it claimed to be.
        response: Any = error.response
        data = getattr(response, "data", None)
        code = data.get("error", "") if isinstance(data, dict) else ""
        status = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
        answer = json.dumps(data) if data else ""
        raise slack_failure(status, code, answer, response.headers, now) from None
    except AttributeError:  # the SDK's, where the body is JSON but no object, or text
        raise SlackFailed("slack: not an answer of Slack") from None
