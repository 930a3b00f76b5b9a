"""One model under many names."""

from __future__ import annotations

import pytest

from monitor.identity import canonical


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        # Anthropic: the family came last until Claude 3.7 and first since Claude 4; ids, names and aliases are one.
        ("anthropic", "claude-3-haiku-20240307", "anthropic/claude-haiku-3"),
        ("anthropic", "Claude 3 Haiku", "anthropic/claude-haiku-3"),
        ("anthropic", "Claude Haiku 3", "anthropic/claude-haiku-3"),
        ("anthropic", "claude-3-5-sonnet-20241022", "anthropic/claude-sonnet-3-5"),
        ("anthropic", "claude-3-5-sonnet-latest", "anthropic/claude-sonnet-3-5"),
        ("anthropic", "Claude Sonnet 3.5", "anthropic/claude-sonnet-3-5"),
        ("anthropic", "claude-3-7-sonnet@20250219", "anthropic/claude-sonnet-3-7"),
        ("anthropic", "Claude 3.7 Sonnet", "anthropic/claude-sonnet-3-7"),
        ("anthropic", "claude-sonnet-4-20250514", "anthropic/claude-sonnet-4"),
        ("anthropic", "claude-opus-4-1-20250805", "anthropic/claude-opus-4-1"),
        ("anthropic", "claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("anthropic", "Claude Opus 4.6", "anthropic/claude-opus-4-6"),
        ("anthropic", "claude-2.1", "anthropic/claude-2-1"),
        ("anthropic", "Claude 2.1", "anthropic/claude-2-1"),
        ("anthropic", "claude-instant-1.2", "anthropic/claude-instant-1-2"),
        # Gemini: display names on the price page, ids elsewhere, the API's own prefix.
        ("gemini", "Gemini 2.5 Flash", "google/gemini-2.5-flash"),
        ("gemini", "gemini-2.5-flash", "google/gemini-2.5-flash"),
        ("gemini", "models/gemini-2.5-flash", "google/gemini-2.5-flash"),
        ("gemini", "Gemini 2.5\u00a0Flash-Lite ", "google/gemini-2.5-flash-lite"),
        ("gemini", "gemini-2.0-flash-001", "google/gemini-2.0-flash-001"),
        # OpenAI: dated ids are models of their own, and an alias may move from one to another.
        ("openai", "gpt-4o", "openai/gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13"),
        ("openai", "GPT-4o", "openai/gpt-4o"),
        ("openai", "o1-mini", "openai/o1-mini"),
        ("openai", "ft:gpt-4o:acme", "openai/ft:gpt-4o:acme"),
        # What no rule knows keeps its own form; a notice without a model has no id.
        ("acme", "models/Great Model 20240307", "acme/models/great-model-20240307"),
        ("openai", "", ""),
    ],
)
def test_canonical(provider: str, model: str, expected: str) -> None:
    assert canonical(provider, model) == expected


def test_a_canonical_id_is_its_own() -> None:
    for provider, model in (("anthropic", "claude-3-haiku-20240307"), ("gemini", "Gemini 2.5 Flash")):
        name = canonical(provider, model).partition("/")[2]
        assert canonical(provider, name).partition("/")[2] == name
