"""Text within a block: what marks mean, in Markdown with the HTML that may stand in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.reading.inline import Inline, clean, inline


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2026\u201108\u201126", "2026-08-26"),  # OpenAI
        ("a\u2010b\u2012c\u2013d\u2014e\u2015f\u2212g", "a-b-c-d-e-f-g"),
        ("\u200bModel \u200bstatus\ufeff", "Model status"),  # Mintlify headings
        ("GPT\u00a05", "GPT 5"),
        ("gpt\u00ad-5", "gpt-5"),
        ("10\u00b9", "10"),  # a footnote, not 101
        ("10\u2020", "10"),
        ("\uff11\uff12", "12"),  # full-width digits
        ("  a \t b \n\n  c ", "a b\nc"),
    ],
)
def test_clean(raw: str, text: str) -> None:
    assert clean(raw) == text


@given(st.text())
def test_what_is_clean_stays_clean(raw: str) -> None:
    cleaned = clean(raw)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("markdown", "text", "codes"),
    [
        (
            "`gpt-4-0613` \\| `gpt-4`",
            "gpt-4-0613 | gpt-4",
            ("gpt-4-0613", "gpt-4"),
        ),  # OpenAI: aliases
        ("`a | b`", "a | b", ("a | b",)),
        ("`a \\| b`", "a | b", ("a | b",)),
        ("``a ` b``", "a ` b", ("a ` b",)),
        (
            "`gpt-5` or `gpt-4.1*`",
            "gpt-5 or gpt-4.1",
            ("gpt-5", "gpt-4.1"),
        ),  # OpenAI: a star for a footnote
        ("`a&lt;b`", "a<b", ("a<b",)),
        ("\\`no code\\`", "`no code`", ()),
        ("\\<a\\> x\\^\\^ \\[b\\](c) \\*d\\*", "<a> x^^ [b](c) *d*", ()),
        ("$2 / MTok<sup>3</sup>", "$2 / MTok", ()),  # Anthropic
        ("2027-04-14^1^", "2027-04-14", ()),  # Azure
        ("2027-04-14^\\*^", "2027-04-14", ()),
        ("x^2 and y^2", "x^2 and y^2", ()),
        ("\\$3 / MTok", "$3 / MTok", ()),
        ("Command R\\+", "Command R+", ()),  # Bedrock
        ("**bold** and *soft* and __more__ and _less_", "bold and soft and more and less", ()),
        ("gpt_4_turbo and 2 * 3 * 4", "gpt_4_turbo and 2 * 3 * 4", ()),
        ("snake_case_id, __init__", "snake_case_id, init", ()),
        ("prompts <= 200k, > 200k", "prompts <= 200k, > 200k", ()),  # Vertex, Gemini
        ("1 < 2 > 1", "1 < 2 > 1", ()),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd", ()),
        ("a &amp; b &lt;= c&nbsp;d", "a & b <= c d", ()),
        ("\\<24 hours of notice", "<24 hours of notice", ()),  # Together
        ("before <!-- hidden --> after", "before after", ()),
        ("<span class='x'>kept</span>", "kept", ()),
        ("![icon](a.svg) name", "name", ()),
        ("", "", ()),
    ],
)
def test_inline(markdown: str, text: str, codes: tuple[str, ...]) -> None:
    result = inline(markdown)
    assert (result.text, result.codes) == (text, codes)
    assert bool(result) is bool(text)


@pytest.mark.parametrize(
    ("markdown", "text", "links"),
    [
        ("[Sonnet](/m.md)", "Sonnet", (("Sonnet", "/m.md"),)),
        ("[\\[a\\] b](/x\\_y)", "[a] b", (("[a] b", "/x_y"),)),  # Alibaba
        ("[a [b] c](/x)", "a [b] c", (("a [b] c", "/x"),)),
        ("[a](/x_(y).md)", "a", (("a", "/x_(y).md"),)),
        ('[a](/x "a title")', "a", (("a", "/x"),)),
        ("[`gpt-5`](/gpt-5.md)", "gpt-5", (("gpt-5", "/gpt-5.md"),)),
        # Anthropic: a link in brackets behind a name
        ("Opus 4.1 ([deprecated](/d))", "Opus 4.1 (deprecated)", (("deprecated", "/d"),)),
        ("[a](/x), [b](/y)", "a, b", (("a", "/x"), ("b", "/y"))),
        ("[not a link] (at all)", "[not a link] (at all)", ()),
        ("`[a](/x)`", "[a](/x)", ()),
        ("[**a** `b`](/x)", "a b", (("a b", "/x"),)),  # Perplexity
    ],
)
def test_links(markdown: str, text: str, links: tuple[tuple[str, str], ...]) -> None:
    result = inline(markdown)
    assert (result.text, result.links) == (text, links)


def test_an_error_names_the_place() -> None:
    assert str(Inline("a\nb", where="table 1").error("no date")) == "table 1: no date: 'a b'"
    assert str(inline("x").error("no date")) == "document: no date: 'x'"
