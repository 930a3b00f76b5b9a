"""Pictures of Slack messages for review: blocks as HTML that looks much like Slack, photographed by
Chromium.

    python -m tests.tools.slack_pictures [FOLDER]        needs chromium; the pictures are
    docs/pictures/slack-*.png

Run by hand after a change of monitor/delivery/slack/card.py or change_list.py. What Slack draws is only approached; limits
are for the tests."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from monitor.core.facts import Price, When
from monitor.delivery.message_context import Acknowledgement, MessageContext, PriceComparison
from monitor.delivery.slack.card import card
from monitor.delivery.slack.change_list import change_list
from monitor.store.db import Store
from monitor.store.model_lookup import Successor
from monitor.store.tables import EventRow
from tests.support import slack_transcript
from tests.support.receivers import event

NOW = datetime(2026, 8, 8, 9, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH = 720

STYLE = """
body { margin: 0; font: 15px/1.46 Lato, 'Noto Color Emoji', sans-serif; color: #1d1c1d; background: #fff; width: 720px }
.message { display: flex; padding: 12px 20px; } .reply { margin-left: 44px }
.avatar { width: 36px; height: 36px; border-radius: 8px; background: #1f2933; color: #fff; font-weight: 900;
          text-align: center; line-height: 36px; margin-right: 8px; flex: none }
.name { font-weight: 900 }
.app { background: #e8e8e8; font-size: 10px; padding: 1px 3px; border-radius: 2px; color: #616061;
        font-weight: 700; margin-left: 4px } .time { color: #616061; font-size: 12px; margin-left: 8px }
.body { flex: 1; min-width: 0 } h3 { font-size: 18px; margin: 8px 0 4px; font-weight: 900 }
.section { margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0 }
.context { color: #616061; font-size: 13px; margin: 6px 0; white-space: pre-wrap; overflow-wrap: anywhere }
.context b { color: #454245 } a { color: #1264a3; text-decoration: none }
code { font: 12px Menlo, 'DejaVu Sans Mono', monospace; color: #e01e5a; background: #f8f8f8; border: 1px solid #ddd;
       border-radius: 3px; padding: 1px 3px; overflow-wrap: anywhere }
button { font: 700 13px Lato, sans-serif; border: 1px solid #bbb; border-radius: 4px; background: #fff;
         padding: 5px 12px; margin: 4px 8px 4px 0; color: #1d1c1d }
.primary { background: #007a5a; border-color: #007a5a; color: #fff }
.also { color: #616061; font-size: 13px; margin: 0 0 2px }
.typed { color: #1d1c1d; padding: 8px 20px 0 64px; font-size: 15px } .only { color: #616061; font-size: 12px }
"""


def mrkdwn(text: str) -> str:
    """Slack's mrkdwn as HTML: it is escaped already, but for its links."""
    held: list[str] = []

    def hold(html: str) -> str:
        held.append(html)
        return f"\x01{len(held) - 1}\x02"

    text = re.sub(r"`([^`\n]+)`", lambda m: hold(f"<code>{m[1]}</code>"), text)
    text = re.sub(r"<(http[^|>]*)\|([^>]*)>", lambda m: hold(f'<a href="{m[1]}">{m[2]}</a>'), text)
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", text)
    text = re.sub(r"(?<![\w])_([^_\n]+)_(?![\w])", r"<i>\1</i>", text)
    return re.sub(r"\x01(\d+)\x02", lambda m: held[int(m[1])], text)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def block_html(block: dict[str, Any]) -> str:
    match block:
        case {"type": "header", "text": {"text": text}}:
            return f"<h3>{escaped(text)}</h3>"
        case {"type": "section", "fields": fields}:
            shown = "".join(
                f'<div class="section" style="margin:0">{mrkdwn(one["text"])}</div>'
                for one in fields
            )
            return f'<div class="fields">{shown}</div>'
        case {"type": "section", "text": {"text": text}}:
            return f'<div class="section">{mrkdwn(text)}</div>'
        case {"type": "context", "elements": elements}:
            return f'<div class="context">{" ".join(mrkdwn(one["text"]) for one in elements)}</div>'
        case {"type": "actions", "elements": elements}:
            return "".join(
                f'<button class="{one.get("style", "")}">{escaped(one["text"]["text"])}</button>'
                for one in elements
            )
    raise ValueError(f"no picture of {block['type']}")


def message_html(
    shown: list[dict[str, Any]], *, reply: bool = False, time: str = "9:00 AM", above: str = ""
) -> str:
    also = f'<p class="also">{above}</p>' if above else ""
    return (
        f'<div class="message {"reply" if reply else ""}"><div class="avatar">L</div><div '
        f'class="body">{also}'
        '<span class="name">Lastcall</span><span class="app">APP</span><span class="time">'
        f"{time}</span>"
        f"{''.join(map(block_html, shown))}</div></div>"
    )


def photograph(name: str, body: str, folder: Path) -> None:
    """Once to learn the height, once for the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page.html"
        script = "<script>document.title = document.body.scrollHeight</script>"
        page.write_text(
            f"<meta charset=utf-8><style>{STYLE}</style><body>{body}{script}</body>", "utf-8"
        )
        chromium = [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={scratch}/profile",
            f"--window-size={WIDTH},400",
        ]
        dom = subprocess.run(
            [*chromium, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True
        ).stdout
        height = re.search(r"<title>(\d+)</title>", dom)
        assert height, dom[:500]
        chromium[-1] = f"--window-size={WIDTH},{int(height[1]) + 8}"
        picture = folder / f"slack-{name}.png"
        subprocess.run(
            [*chromium, f"--screenshot={picture}", page.as_uri()], capture_output=True, check=True
        )
        print(picture)


def told(number: int, kind: str, **values: Any) -> EventRow:
    return event(
        number, NOW, kind=kind, **{"url": "https://provider.example/deprecations"} | values
    )


def moved() -> list[dict[str, Any]]:
    """A postponement, with a replacement that goes too and a person who knows already."""
    fact = replace(
        slack_transcript.OLD, provider="openai", retires=When("2026-11-20"), surface="fine-tuning"
    )
    latest = Successor("gpt-realtime-2", "", None, lives=True, gone=False)
    end = When("2027-01-15")
    chain = Successor("gpt-realtime", "deprecated", end, False, False, (latest,))
    costs = [
        PriceComparison(meter, Decimal(old), Decimal(new), "USD", "1M tokens")
        for meter, old, new in (("input", "5.00", "4.00"), ("output", "20.00", "24.00"))
    ]
    context = MessageContext([chain], costs, Acknowledgement("ann", NOW))
    one = told(
        1,
        "retirement.postponed",
        model=fact.model,
        surface="fine-tuning",
        before=slack_transcript.OLD.to_json(),
        after=fact.to_json(),
        effective=fact.retires.to_json() if fact.retires else None,
        quote=slack_transcript.OLD.quote,
    )
    return card([one], NOW, context, buttons=True)[1]


def rewrite() -> list[dict[str, Any]]:
    """A page that rewrites the replacement of 47 models, and announces two retirements."""
    rows = [
        told(
            number,
            "replacement.changed",
            severity="info",
            model=f"gpt-4-{number:04d}",
            summary=f"openai/gpt-4-{number:04d}: replacement gpt-5.1, was gpt-5",
        )
        for number in range(47)
    ]
    for number, (model, day, severity) in enumerate(
        (("o1-mini", "2026-08-28", "critical"), ("o3-mini", "2026-12-01", "action")), 90
    ):
        rows.append(
            told(
                number,
                "retirement.announced",
                severity=severity,
                model=model,
                effective=When(day).to_json(),
                summary=f"openai/{model}: retires {day} (in 99 days); replacement gpt-5-mini",
            )
        )
    return change_list(rows, NOW)[1]


def cheaper() -> list[dict[str, Any]]:
    price = Price(
        provider="openai",
        model="gpt-realtime",
        meter="input",
        amount=Decimal("2.00"),
        per="1M tokens",
        quote="gpt-realtime | $2.00",
    )
    one = told(
        5,
        "price.decreased",
        severity="notice",
        model="gpt-realtime",
        effective=None,
        after=price.to_json(),
        quote=price.quote,
        summary="openai/gpt-realtime: input 4.00 -> 2.00 USD per 1M tokens (-50 %)",
        source_id="openai.pricing",
    )
    return card([one], NOW)[1]


async def channel() -> str:
    """The channel of the transcript, at its end."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"{folder}/story.db")
        SQLModel.metadata.create_all(store.engine)
        _, slack = await slack_transcript.run(store)
        store.close()
    parts = []
    for one in slack.messages:
        above = "replied to a thread, also sent to the channel" if one["broadcast"] else ""
        parts.append(message_html(one["blocks"], reply=bool(one["thread_ts"]), above=above))
    return "".join(parts)


def main() -> None:
    from tests.support import fixtures  # noqa: F401  its import declares the sources

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    photograph("retirement", message_html(moved()), folder)
    photograph("many-changes", message_html(rewrite()) + message_html(cheaper()), folder)
    photograph("channel", asyncio.run(channel()), folder)


if __name__ == "__main__":
    main()
