"""One model under many names: the canonical id ``maker/model`` groups for people and filters; it
never merges facts.

Who made a model is read from the id (``org/model``, Bedrock's ``vendor.model``), else from the name
itself; then the spellings of hosts are undone. Each rule has its cases in tests/core/test_names.py.
In doubt names stay apart: a dated id and its alias (except Anthropic's, whose price page has
neither), a quantised or ``turbo`` model and its base are two. A name that no rule knows keeps its
own form under its provider."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

#: Makers by the names that they go by: as a provider, as an ``org/``, as a vendor on Bedrock, as a
#: host in a catalogue.
MAKERS = {
    name: maker
    for maker, names in {
        "ai21": "ai21",
        "amazon": "amazon amazon-nova",
        "anthropic": "anthropic",
        "arcee-ai": "arcee-ai arcee_ai",  # Together writes both
        "black-forest-labs": "black-forest-labs black_forest_labs",
        "cohere": "cohere",
        "deepseek": "deepseek deepseek-ai",
        "google": "gemini google",
        "meta": "meta meta-llama",
        "microsoft": "microsoft",
        "minimax": "minimax minimaxai",
        "mistral": "mistral mistralai",
        "moonshot": "moonshot moonshotai moonshot-ai",
        "nousresearch": "nousresearch",
        "nvidia": "nvidia",
        "openai": "openai",
        "perplexity": "perplexity",
        "qwen": "qwen alibaba dashscope",
        "stability": "stability stabilityai",
        "twelvelabs": "twelvelabs",
        "writer": "writer",
        "xai": "xai x-ai",
        "xiaomi": "xiaomi xiaomimimo",
        "zai": "zai z-ai zai-org",
    }.items()
    for name in names.split()
}

#: How a maker's own models begin. The first that matches counts: others' models built on Llama
#: stand before Meta's.
_NAMES = {
    "perplexity": r"sonar|pplx-|llama-3(\.1)?-sonar-",
    "nvidia": r"(nvidia-)?nemotron|llama-[\d.]+-nemotron",
    "groq": r"llama3?-groq-",
    "openai": r"gpt-|chatgpt-|o\d(-|$)|dall[-·]e|whisper|tts(-|$)|sora|text-embedding-(ada-|3-)"
    r"|text-(ada|babbage|curie|davinci)-|(code-)?davinci|babbage|codex-mini|computer-use-preview|omni-moderation",
    "anthropic": r"claude",
    "google": r"gemini-|gemma|imagen-|veo-|lyria-|text-(bison|unicorn)"
    r"|textembedding-gecko|embedding-gecko"
    r"|multimodalembedding|text-embedding-0|text-multilingual-embedding-",
    "meta": r"(meta-)?llama|codellama|muse-",
    "mistral": r"(open-|labs-)?(mistral|mixtral|ministral|magistral|codestral|devstral|mathstral"
    r"|pixtral|voxtral|leanstral)",
    "cohere": r"cohere-|command(-|$)|c4ai-|embed-(english|multilingual)-"
    r"|rerank-(english|multilingual|v\d)",
    "deepseek": r"deepseek-",
    "qwen": r"qwen|qwq|qvq",
    "moonshot": r"kimi-|moonshot-",
    "zai": r"(zai-)?glm-|cogvideo|cogview",
    "minimax": r"minimax-",
    "xiaomi": r"mimo-",
    "xai": r"grok-",
    "amazon": r"amazon-|nova-(2-)?(micro|lite|pro|premier|canvas|reel|sonic)|titan-",
    "ai21": r"(ai21-)?(jamba|j2-)",
    "microsoft": r"phi-|mai-",
}
_MAKER = re.compile("|".join(f"(?P<{maker}>{begins})" for maker, begins in _NAMES.items()))

#: The first part of an id says where a model is served, not who made it.
_CATALOGUES = frozenset({"", "genai_prices", "litellm", "models_dev"})
#: Their ids are ``org/model``, so that an org we do not know is a maker too.
_ORG_HOSTS = frozenset({"groq", "openrouter", "together"})
#: Makers that serve others' models too, under bare names: Mistral ``zai-glm-5-2``, Qwen
#: ``deepseek-r1``, Perplexity ``GPT-5.6 Luna``. What the others list is their own, whatever it is
#: called.
_SERVE_OTHERS = frozenset({"mistral", "perplexity", "qwen"})
#: Parts of an id before the model that are no maker: Google's and Fireworks' paths, and in
#: LiteLLM's keys a kind of deployment, a region, a commitment, an image's size and quality
#: (``bedrock/us-east-1/1-month-commitment/...``).
_PLACE = re.compile(
    r"models|routers|bedrock|eu|us|global(-standard)?|[a-z]{2}(-gov)?-[a-z]+-\d|\d-month-commitment"
    r"|\d+-x-\d+|(\d+|max)-steps|low|medium|high|standard|hd"
)
#: Bedrock: the maker, behind the geography of an inference profile (its list of models and of
#: profiles).
_VENDOR = re.compile(r"(?:(?:us|eu|apac|global|us-gov|jp|au|ca)\.)?([a-z0-9]+)\.(.+)")

_SPACE = re.compile(r"\s+")
_UNDONE = [
    # OpenRouter: the same model free, in batches, at another effort or route (its page on model
    # variants).
    (re.compile(r"(:(free|batch|beta|extended|exacto|floor|nitro|online|thinking))+$"), ""),
    # Bedrock: the first revision of the first version, and a context size bought apart. Others
    # stay: v1:1 is v1.1.
    (re.compile(r"(-v?1)?:0(:\d+k)?$"), ""),
    (re.compile(r"(-v\d):(\d)(:\d+k)?$"), r"\1.\2"),
    # Vertex: "model as a service", and a version behind an @.
    (re.compile(r"(@default|-maas)+$"), ""),
    (re.compile(r"@"), "-"),
    # Points of a version that an id cannot hold: Fireworks' ``3p1``, Bedrock's and xAI's ``3-1``;
    # not ``3-8b``.
    (re.compile(r"(?<=\d)p(?=\d)"), "."),
    (re.compile(r"(?<![\d.])(\d)-(\d)(?![\da-z.])"), r"\1.\2"),
]
_SPELLINGS = {
    "ai21": [(re.compile(r"^ai21-"), "")],
    # Bedrock's v1 of Nova is no part of the name elsewhere; Titan's v1 and v2 are two models.
    "amazon": [(re.compile(r"^amazon-"), ""), (re.compile(r"^(nova-.+)-v1$"), r"\1")],
    # Azure and Bedrock put the maker in front; "Command R+"; ``embed-english-v3`` is Cohere's v3.0.
    "cohere": [
        (re.compile(r"^cohere-"), ""),
        (re.compile(r"\+"), "-plus"),
        (re.compile(r"^(embed-.*-v\d)\.0$"), r"\1"),
    ],
    # Bedrock's ``deepseek.r1``, the news of DeepSeek's own ``V3.1-Terminus``.
    "deepseek": [(re.compile(r"^(?=[rv]\d)"), "deepseek-")],
    # ``Meta-Llama-3.1``, ``llama3.1``, ``llama-v3p1`` and ``Llama-3.1``.
    "meta": [(re.compile(r"^meta-(?=llama)"), ""), (re.compile(r"^llama-?v?(?=\d)"), "llama-")],
    # Azure's deployments could not have a point; OpenAI's price page sets one in the middle of
    # DALL·E.
    "openai": [(re.compile(r"^gpt-35-"), "gpt-3.5-"), (re.compile(r"^dall·e"), "dall-e")],
    # ``qwen-3-32b`` of Cerebras, ``qwen-2.5`` of OpenRouter, Groq's ``qwen-qwq-32b``.
    "qwen": [(re.compile(r"^qwen-(?=\d)"), "qwen"), (re.compile(r"^qwen-(?=q[wv]q)"), "")],
    # ``zai-glm-4.7`` of Cerebras and Mistral.
    "zai": [(re.compile(r"^zai-(?=glm)"), "")],
}

_CLAUDE = [
    # The day, with the v1 and v2 of Vertex before it or of Bedrock behind it (two days of Sonnet
    # 3.5), also without it.
    (re.compile(r"(-v\d)?-?20\d{6}(-v\d)?$|(?<=\d)-v1$|(?<=sonnet)-v[12]$"), ""),
    # ``claude-3-opus-latest`` is that version; ``claude-sonnet-latest`` moves on.
    (re.compile(r"^(.*\d.*)-latest$"), r"\1"),
    (re.compile(r"-v(?=\d)"), "-"),
    (re.compile(r"\."), "-"),
    (re.compile(r"^claude-(\d(?:-\d)?)-(haiku|opus|sonnet)"), r"claude-\2-\1"),
    # ``claude-opus-4-0`` is Anthropic's alias of Opus 4.
    (re.compile(r"(?<=-\d)-0$"), ""),
]


@lru_cache(maxsize=1 << 14)
def canonical(provider: str, model: str) -> str:
    """``maker/model`` in lower case; empty where there is no model. Given its own output it returns
    that.

    Without a provider the first part of ``model`` is one: ``canonical("", "azure/gpt-4o")``.
    """
    name = _SPACE.sub("-", model.casefold().strip()).strip("/")
    if not name:
        return ""
    own = MAKERS.get(provider, provider)
    head, slash, rest = name.partition("/")
    if slash and (head in (provider, own) or provider in _CATALOGUES):
        return canonical(head, rest)
    if name.startswith("~") and (
        own_name := name.lstrip("~/")
    ):  # OpenRouter's own alias, which moves from model to model
        maker, _, own_name = canonical(provider, own_name).rpartition("/")
        return f"{maker}/~{own_name}"
    maker, own_name = _made(provider, name)
    if maker:
        return f"{maker}/{_spelled(maker, own_name)}"
    return f"{own}/{name}" if own else name


def bare(provider: str, model: str) -> str:
    """The id in lower case without what its platform put on it: ``claude-3-haiku-20240307`` of
    Bedrock's ``anthropic.claude-3-haiku-20240307-v1:0`` and of Vertex's
    ``claude-3-haiku@20240307``."""
    return _made(provider, _SPACE.sub("-", model.casefold().strip()).strip("/"))[1]


def _made(provider: str, name: str) -> tuple[str, str]:
    """Return the maker of a model and the name without its maker; "" where no rule knows it."""
    path, _, last = name.rpartition("/")
    org = path.rpartition("/")[2]
    if (vendor := _VENDOR.fullmatch(last)) and vendor[1] in MAKERS:
        return MAKERS[vendor[1]], _undone(vendor[2])
    bare_name = _undone(last)
    if org in MAKERS:
        return MAKERS[org], bare_name
    if not org or _PLACE.fullmatch(org):
        own = MAKERS.get(provider, "")
        match = _MAKER.match(bare_name) if not own or own in _SERVE_OTHERS else None
        return (match and match.lastgroup) or own, bare_name
    return path if provider in _ORG_HOSTS else "", bare_name


def _undone(name: str) -> str:
    """The name without what a host put on it."""
    return name if name.startswith("~") else _replaced(_UNDONE, name)


def _spelled(maker: str, name: str) -> str:
    """The name as its maker writes it.

    Anthropic wrote the family last until Claude 3.7 and first since Claude 4, and renamed the old
    ones on its pages, so both orders are one: ``claude-3-haiku-20240307``, ``Claude Haiku 3`` and
    ``Claude 3 Haiku``."""
    return _replaced(_CLAUDE if name.startswith("claude") else _SPELLINGS.get(maker, ()), name)


def _replaced(rules: Iterable[tuple[re.Pattern[str], str]], name: str) -> str:
    for pattern, replacement in rules:
        name = pattern.sub(replacement, name) or name
    return name


def stored_names(text: str) -> list[str]:
    """Return what a model can be stored as: its id, its display name, ``maker/model`` or
    ``provider/model``, case folded.
    """
    folded = text.strip().casefold()
    provider, slash, model = folded.partition("/")
    candidates = [folded]
    if slash:
        candidates.append(canonical(provider, model))
    candidates += [canonical(provider, folded) for provider in MAKERS]
    return list(dict.fromkeys(name for name in candidates if name))
