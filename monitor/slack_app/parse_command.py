"""Parse the text after ``/lastcall``: a verb, arguments, and options. Pure.

Options are written ``kinds:retirement`` or ``--kinds retirement``. Slack's clients write quotes and
dashes of their own, and Slack escapes ``& < >``; both are undone here."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

VERBS = ("subscribe", "unsubscribe", "list", "test", "upcoming", "show", "mute", "unmute", "help")
OPTIONS = (
    "kinds",
    "surfaces",
    "severity",
    "min-change",
    "within",
    "reminders",
    "digest",
    "quiet",
    "timezone",
    "threads",
)

_PLAIN_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\N{NO-BREAK SPACE}": " "}
)
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPTION = re.compile(
    r"(?:(?:--|—|–)(?P<dashed>[a-z][a-z-]*)(?:=(?P<dashed_value>.*))?|(?P<name>[a-z]+(?:-[a-z]+)*):(?P<value>.*))",
    re.DOTALL,
)
_TIME = re.compile(r"\d{1,2}:\d\d")


@dataclass(frozen=True, slots=True)
class Command:
    """A verb, its arguments, and its options by the names of subscriptions.options."""

    verb: str
    arguments: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


def parse_command(text: str) -> Command:
    """Return the command in a text; ``help`` for an empty one.

    Raise ValueError that names what is not understood."""
    plain = text.translate(_PLAIN_QUOTES)
    plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    words = [word.replace('"', "") for word in _WORD.findall(plain)]
    if not words:
        return Command("help")
    verb, rest = words[0].lower(), words[1:]
    if verb not in VERBS:
        raise ValueError(f"There is no command `{words[0]}`{_suggestion(verb, VERBS)}")
    arguments: list[str] = []
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        match = _OPTION.fullmatch(word)
        name = match and (match["dashed"] or match["name"])
        # A filter may hold a colon too: openrouter/model:free
        if not match or (match["name"] and "/" in word.partition(":")[0]):
            arguments.append(word)
            continue
        if name not in OPTIONS:
            raise ValueError(f"There is no option `{name}`{_suggestion(str(name), OPTIONS)}")
        value = match["value"] if match["name"] else match["dashed_value"]
        if not value:
            value = rest.pop(0) if rest else ""
        if name == "digest" and value == "daily" and rest and _TIME.fullmatch(rest[0]):
            value = f"daily {rest.pop(0)}"
        if not value:
            raise ValueError(f"The option `{name}` has no value.")
        options[name.replace("-", "_")] = value
    return Command(verb, tuple(arguments), options)


def _suggestion(word: str, choices: tuple[str, ...]) -> str:
    if near := difflib.get_close_matches(word, choices, 1, 0.6):
        return f"; did you mean `{near[0]}`?"
    return f"; there are {', '.join(f'`{choice}`' for choice in choices)}"
