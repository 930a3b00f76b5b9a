"""Patterns of models: what a database narrows by is never narrower than the pattern.

What patterns match is specified in tests/subscriptions/test_filters.py.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.facts import Notice
from monitor.core.names import canonical
from monitor.core.patterns import Pattern, Subject
from tests.support.fixtures import GOLDENS

OFFERINGS = sorted(
    {
        (fact["provider"], fact["model"])
        for path in GOLDENS.rglob("*.jsonl")
        for fact in map(json.loads, path.read_text("utf-8").splitlines())
        if fact["model"]
    }
)


def like(pattern: Pattern, text: str) -> bool:
    """Return what LIKE says; nothing in the pattern is special but %."""
    parts = map(re.escape, pattern.like.split("%"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def narrowed(pattern: Pattern, provider: str, model: str, known: str) -> bool:
    """Return whether a database that narrows by the pattern keeps an event."""
    folded = model.casefold()
    kept = (like(pattern, folded) and pattern.names_id(folded)) or (
        (like(pattern, known) or known in pattern.canonicals) and pattern.names_canonical(known)
    )
    return pattern.covers_provider(provider) and (kept or pattern.names_provider(provider))


def keeps_what_it_matches(text: str, provider: str, model: str) -> bool:
    """Return whether the pattern matches; fail if a database would lose that match."""
    pattern, known = Pattern.parse(text), canonical(provider, model)
    matches = pattern.matches(Subject.about(provider, model, known, ""))
    assert not matches or narrowed(pattern, provider, model, known), (text, provider, model)
    return matches


def test_narrowing_loses_no_offering_of_the_fixtures() -> None:
    """Patterns made of each offering's own name, of its maker's, and of parts of both."""
    assert len(OFFERINGS) > 500
    matches = 0
    for provider, model in OFFERINGS:
        maker, _, name = canonical(provider, model).partition("/")
        for word in {"-".join(model.split()), name}:
            stem = re.sub(r"[*?[]", "", word)
            globs = (
                word,
                f"{stem[:5]}*",
                f"*{stem[-5:]}",
                f"{stem[:3]}?{stem[4:]}",
                f"[!0]{stem[1:]}",
            )
            for glob in filter(None, globs):
                for place in (provider, maker, "*"):
                    matches += keeps_what_it_matches(f"{place}/{glob}", provider, model)
    assert matches > 5000


WORDS = st.text("gpt-4.o:@ v3p1é[]*?!", min_size=1, max_size=8)


@given(WORDS, WORDS)
def test_narrowing_loses_nothing(text: str, model: str) -> None:
    try:
        Pattern.parse(text)
    except ValueError:
        return
    keeps_what_it_matches(text, "fireworks", model)
    keeps_what_it_matches(text, "openai", f"accounts/openai/{model}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai/gpt-4*", "%gpt%4%"),
        ("[g]pt-4*", "%pt%4%"),
        ("gpt_4%x", "%gpt%4%x%"),
        ("vertex/claude@20240229", "%claude%"),
        ("*", "%"),
    ],
)
def test_a_like_pattern_has_letters_and_digits_alone(text: str, expected: str) -> None:
    assert Pattern.parse(text).like == expected


def test_a_notice_is_about_every_model_that_it_names() -> None:
    notice = Notice(model="", title="x", provider="anthropic", models=("claude-3-haiku-20240307",))
    subject = Subject.of(notice)
    assert Pattern.parse("anthropic/claude-haiku-3").matches(subject)
    assert Pattern.parse("claude-3-haiku*").matches(subject)
    assert not Pattern.parse("claude-opus*").matches(subject)
