"""LiteLLM: the keys of prices. A key says meter, unit, context and tier in one word:
``input_cost_per_token_above_200k_tokens_priority``.

Several new keys come in a month.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

#: A unit, and how many of the priced thing it is.
UNITS = {
    "M tokens": ("1M tokens", 1_000_000),
    "M characters": ("1M characters", 1_000_000),
    "M pixels": ("1M pixels", 1_000_000),
    "image": ("image", 1),
    "second": ("second", 1),
    "session": ("session", 1),
    "K pages": ("1K pages", 1000),
    "K requests": ("1K requests", 1000),
}
#: Keys without what follows for context and tier, by meter and unit.
BASES = """
input_cost_per_token                         | input              | M tokens
output_cost_per_token                        | output             | M tokens
output_cost_per_reasoning_token              | reasoning          | M tokens
cache_read_input_token_cost                  | cached_input       | M tokens
input_cost_per_token_cache_hit               | cached_input       | M tokens
cache_creation_input_token_cost              | cache_write        | M tokens
cache_creation_input_token_cost_above_1hr    | cache_write_1h     | M tokens
input_cost_per_audio_token                   | audio_input        | M tokens
output_cost_per_audio_token                  | audio_output       | M tokens
cache_read_input_audio_token_cost            | audio_cached_input | M tokens
cache_read_input_token_cost_per_audio_token  | audio_cached_input | M tokens
cache_creation_input_audio_token_cost        | audio_cache_write  | M tokens
input_cost_per_image_token                   | image_input        | M tokens
output_cost_per_image_token                  | image_output       | M tokens
cache_read_input_image_token_cost            | image_cached_input | M tokens
output_cost_per_video_token                  | video_output       | M tokens
citation_cost_per_token                      | citation           | M tokens
input_cost_per_character                     | input              | M characters
output_cost_per_character                    | output             | M characters
input_cost_per_pixel                         | image_input        | M pixels
output_cost_per_pixel                        | image_output       | M pixels
input_cost_per_image                         | image_input        | image
output_cost_per_image                        | image_output       | image
input_cost_per_second                        | input              | second
output_cost_per_second                       | output             | second
input_cost_per_audio_per_second              | audio_input        | second
input_cost_per_video_per_second              | video_input        | second
output_cost_per_video_per_second             | video_output       | second
input_cost_per_query                         | query              | K requests
input_cost_per_request                       | request            | K requests
ocr_cost_per_page                            | ocr                | K pages
annotation_cost_per_page                     | annotation         | K pages
code_interpreter_cost_per_session            | code_interpreter   | session
"""
METERS = {
    key: (meter, *UNITS[unit])
    for key, meter, unit in (re.split(r" +\| ", line) for line in BASES.strip().splitlines())
}
KEY = re.compile(
    r"(?P<base>\w+?)"
    r"(?:_above_(?:(?P<tokens>\d+k)_tokens|(?P<seconds>\d+s)_interval"
    r"|(?P<width>\d+)_and_(?P<height>\d+)_pixels))?"
    r"(?P<premium>(?:_and)?_premium_image)?(?:_(?P<lines>\d+p))?"
    r"(?:_(?P<tier>batches|batch_requests|priority|flex))?"
)
TIERS = {"": "standard", "batches": "batch", "batch_requests": "batch"}
#: Two spellings of one price: the first is passed over where the entry has the second.
SECOND_NAMES = {
    "input_cost_per_token_cache_hit": "cache_read_input_token_cost",
    "cache_read_input_token_cost_per_audio_token": "cache_read_input_audio_token_cost",
    "input_cost_per_token_batch_requests": "input_cost_per_token_batches",
}
#: Amounts in Databricks units and in credits of a vendor.
NOT_MONEY = re.compile(r"(?:in|out)put_dbu?_cost_per_token|\w+_per_credit")


class Meaning(NamedTuple):
    """The meaning of a key: what it prices, and under which condition."""

    meter: str
    per: str
    times: int
    tier: str
    context: str


@cache
def meaning(key: str) -> Meaning | None:
    """Return the meaning of a key; None for one that is not known."""
    match = KEY.fullmatch(key)
    if not match or match["base"] not in METERS:
        return None
    part = match.groupdict("")
    size = part["tokens"] or part["seconds"]
    size = f"{part['width']}x{part['height']}" if part["width"] else size
    words = ("premium" if part["premium"] else "", part["lines"], f">{size}" if size else "")
    tier = TIERS.get(part["tier"], part["tier"])
    return Meaning(*METERS[part["base"]], tier, " ".join(filter(None, words)))


def is_known(key: str) -> bool:
    """Return whether a key is a known price, or no money at all."""
    return meaning(key) is not None or NOT_MONEY.fullmatch(key) is not None
