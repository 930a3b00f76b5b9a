"""What a person types after ``/lastcall``: a verb, filters, and options written
``kinds:retirement`` or ``--kinds x``.

Pure. Slack's clients write quotes and dashes of their own, and Slack escapes ``& < >``; both are
undone here."""

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

_TYPED = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\N{NO-BREAK SPACE}": " "}
)
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPTION = re.compile(
    r"(?:(?:--|—|–)(?P<dashed>[a-z][a-z-]*)(?:=(?P<given>.*))?|(?P<name>[a-z]+(?:-[a-z]+)*):(?P<value>.*))",
    re.DOTALL,
)
_TIME = re.compile(r"\d{1,2}:\d\d")


@dataclass(frozen=True, slots=True)
class Words:
    """A command: its verb, the words that are no options, and the options by the names of
    ``asking.columns``.
    """

    verb: str
    plain: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


def read(text: str) -> Words:
    """The command in a text; ``help`` for an empty one. Raises ValueError that names what is not
    understood.
    """
    clear = text.translate(_TYPED).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    words = [word.replace('"', "") for word in _WORD.findall(clear)]
    if not words:
        return Words("help")
    verb, rest = words[0].lower(), words[1:]
    if verb not in VERBS:
        raise ValueError(f"There is no command `{words[0]}`{_near(verb, VERBS)}")
    plain: list[str] = []
    options: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        match = _OPTION.fullmatch(word)
        name = match and (match["dashed"] or match["name"])
        if not match or (match["name"] and "/" in word.partition(":")[0]):
            plain.append(word)
            continue
        if name not in OPTIONS:
            raise ValueError(f"There is no option `{name}`{_near(str(name), OPTIONS)}")
        value = match["value"] if match["name"] else match["given"]
        if not value:
            value = rest.pop(0) if rest else ""
        if name == "digest" and value == "daily" and rest and _TIME.fullmatch(rest[0]):
            value = f"daily {rest.pop(0)}"
        if not value:
            raise ValueError(f"The option `{name}` has no value.")
        options[name.replace("-", "_")] = value
    return Words(verb, tuple(plain), options)


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.6)
    return (
        f"; did you mean `{near[0]}`?"
        if near
        else f"; there are {', '.join(f'`{one}`' for one in known)}"
    )
