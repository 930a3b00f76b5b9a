"""One model under many names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.names import canonical


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        # Anthropic: the family came last until Claude 3.7 and first since Claude 4; ids, names and
        # aliases are one.
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
        # OpenAI's names for the same thing on its price page, and Azure's spelling of a point.
        ("openai", "GPT Image 1", "openai/gpt-image-1"),
        ("openai", "DALL·E 3", "openai/dall-e-3"),
        ("openai", "/v1/edits", "openai/v1/edits"),
        ("azure", "gpt-4o", "openai/gpt-4o"),
        ("azure", "gpt-35-turbo-16k", "openai/gpt-3.5-turbo-16k"),
        ("azure", "text-embedding-ada-002", "openai/text-embedding-ada-002"),
        ("azure", "whisper", "openai/whisper"),
        # Azure: the maker from the name; what it hosts and we do not know stays Azure's.
        ("azure", "Meta-Llama-3.1-70B-Instruct", "meta/llama-3.1-70b-instruct"),
        ("azure", "Llama-2-70b-chat", "meta/llama-2-70b-chat"),
        ("azure", "Mistral-large-2411", "mistral/mistral-large-2411"),
        ("azure", "claude-opus-4-1", "anthropic/claude-opus-4-1"),
        ("azure", "DeepSeek-V3", "deepseek/deepseek-v3"),
        ("azure", "grok-3", "xai/grok-3"),
        ("azure", "Command R+", "cohere/command-r-plus"),
        ("azure", "cohere-command-a", "cohere/command-a"),
        ("azure", "Cohere-rerank-v3.5", "cohere/rerank-v3.5"),
        ("azure", "Jamba Instruct", "ai21/jamba-instruct"),
        ("azure", "Phi-3-mini-4k-instruct", "microsoft/phi-3-mini-4k-instruct"),
        ("azure", "Bria-2.3-Fast", "azure/bria-2.3-fast"),
        ("azure", "FW-GLM-5.1", "azure/fw-glm-5.1"),
        ("azure", "model router", "azure/model-router"),
        # Bedrock: vendor, day, version and revision; profiles of geographies; display names.
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", "anthropic/claude-haiku-3"),
        ("anthropic", "anthropic.claude-3-haiku-20240307-v1:0", "anthropic/claude-haiku-3"),
        ("bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", "anthropic/claude-haiku-3"),
        ("bedrock", "eu.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic/claude-sonnet-4"),
        (
            "bedrock",
            "apac.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "anthropic/claude-sonnet-3-5",
        ),
        ("bedrock", "global.anthropic.claude-opus-4-6-v1", "anthropic/claude-opus-4-6"),
        (
            "bedrock",
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic/claude-sonnet-4-5",
        ),
        ("bedrock", "anthropic.claude-v2:1", "anthropic/claude-2-1"),
        ("bedrock", "anthropic.claude-3-sonnet-20240229-v1:0:28k", "anthropic/claude-sonnet-3"),
        ("bedrock", "Claude 3.5 Sonnet v2", "anthropic/claude-sonnet-3-5"),
        ("bedrock", "Claude 3 Opus", "anthropic/claude-opus-3"),
        ("bedrock", "meta.llama3-1-70b-instruct-v1:0", "meta/llama-3.1-70b-instruct"),
        ("bedrock", "us.meta.llama4-scout-17b-instruct-v1:0", "meta/llama-4-scout-17b-instruct"),
        ("bedrock", "amazon.nova-lite-v1:0", "amazon/nova-lite"),
        ("bedrock", "amazon.nova-reel-v1:0", "amazon/nova-reel"),
        ("bedrock", "amazon.nova-reel-v1:1", "amazon/nova-reel-v1.1"),
        ("bedrock", "Nova Premier", "amazon/nova-premier"),
        ("bedrock", "amazon.titan-embed-text-v1", "amazon/titan-embed-text-v1"),
        ("bedrock", "amazon.titan-embed-text-v2:0", "amazon/titan-embed-text-v2"),
        ("bedrock", "amazon.rerank-v1:0", "amazon/rerank"),
        ("bedrock", "cohere.command-r-plus-v1:0", "cohere/command-r-plus"),
        ("bedrock", "Cohere Command", "cohere/command"),
        ("bedrock", "cohere.embed-english-v3", "cohere/embed-english-v3"),
        ("bedrock", "cohere.rerank-v3-5:0", "cohere/rerank-v3.5"),
        ("bedrock", "mistral.mistral-large-2402-v1:0", "mistral/mistral-large-2402"),
        ("bedrock", "mistral.mistral-7b-instruct-v0:2", "mistral/mistral-7b-instruct-v0.2"),
        ("bedrock", "ai21.jamba-1-5-large-v1:0", "ai21/jamba-1.5-large"),
        ("bedrock", "us.deepseek.r1-v1:0", "deepseek/deepseek-r1"),
        ("bedrock", "openai.gpt-oss-120b-1:0", "openai/gpt-oss-120b"),
        ("bedrock", "twelvelabs.marengo-embed-2-7-v1:0", "twelvelabs/marengo-embed-2.7"),
        ("bedrock", "Stable Diffusion XL 1.0", "bedrock/stable-diffusion-xl-1.0"),
        ("bedrock", "newcomer.great-model-v1:0", "bedrock/newcomer.great-model-v1:0"),
        # Vertex: a version behind an @, "model as a service", partners' models, Google's own in all
        # their families.
        ("vertex", "claude-3-haiku@20240307", "anthropic/claude-haiku-3"),
        ("vertex", "claude-3-5-sonnet-v2@20241022", "anthropic/claude-sonnet-3-5"),
        ("vertex", "claude-opus-4-6@default", "anthropic/claude-opus-4-6"),
        ("vertex", "Claude Haiku 4.5", "anthropic/claude-haiku-4-5"),
        ("vertex", "gemini-2.0-flash-001", "google/gemini-2.0-flash-001"),
        ("vertex", "Gemini 3 Pro Image Preview", "google/gemini-3-pro-image-preview"),
        ("vertex", "textembedding-gecko@003", "google/textembedding-gecko-003"),
        ("vertex", "multimodalembedding@001", "google/multimodalembedding-001"),
        ("vertex", "deepseek-v3.2-maas", "deepseek/deepseek-v3.2"),
        ("vertex", "DeepSeek-OCR", "deepseek/deepseek-ocr"),
        ("vertex", "gpt-oss-20b-maas", "openai/gpt-oss-20b"),
        ("vertex", "meta/llama-3.3-70b-instruct-maas", "meta/llama-3.3-70b-instruct"),
        ("vertex", "mistral-large@2407", "mistral/mistral-large-2407"),
        ("vertex", "jamba-1.5-large", "ai21/jamba-1.5-large"),
        ("vertex", "GLM-5", "zai/glm-5"),
        # OpenRouter: org/model, whoever the org is; variants are the model; its own aliases are
        # never one.
        ("openrouter", "openai/gpt-4o", "openai/gpt-4o"),
        ("openrouter", "openai/gpt-5.6-luna:batch", "openai/gpt-5.6-luna"),
        ("openrouter", "anthropic/claude-3.5-haiku", "anthropic/claude-haiku-3-5"),
        ("openrouter", "anthropic/claude-opus-4.8-fast", "anthropic/claude-opus-4-8-fast"),
        ("openrouter", "nvidia/nemotron-nano-9b-v2:free", "nvidia/nemotron-nano-9b-v2"),
        ("openrouter", "qwen/qwen-plus-2025-07-28:thinking", "qwen/qwen-plus-2025-07-28"),
        ("openrouter", "qwen/qwen-2.5-72b-instruct", "qwen/qwen2.5-72b-instruct"),
        ("openrouter", "amazon/nova-lite-v1", "amazon/nova-lite"),
        ("openrouter", "x-ai/grok-4.20-multi-agent", "xai/grok-4.20-multi-agent"),
        ("openrouter", "z-ai/glm-5.2:free", "zai/glm-5.2"),
        ("openrouter", "mistralai/mistral-medium-3-5", "mistral/mistral-medium-3.5"),
        (
            "openrouter",
            "nousresearch/hermes-3-llama-3.1-405b",
            "nousresearch/hermes-3-llama-3.1-405b",
        ),
        ("openrouter", "poolside/laguna-xs.2:free", "poolside/laguna-xs.2"),
        ("openrouter", "openrouter/auto-beta", "openrouter/auto-beta"),
        ("openrouter", "~anthropic/claude-sonnet-latest", "anthropic/~claude-sonnet-latest"),
        ("openrouter", "~moonshotai/kimi-latest", "moonshot/~kimi-latest"),
        ("moonshot", "kimi-latest", "moonshot/kimi-latest"),
        # Hosts of open models: org/model or the name alone; quantised, turbo and instant are models
        # of their own.
        (
            "together",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "meta/llama-3.3-70b-instruct-turbo",
        ),
        (
            "together",
            "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
            "meta/llama-3.1-8b-instruct-turbo",
        ),
        ("together", "Qwen/Qwen3-235B-A22B-Thinking-2507", "qwen/qwen3-235b-a22b-thinking-2507"),
        ("together", "zai-org/GLM-5.1", "zai/glm-5.1"),
        ("together", "DeepSeek-V3", "deepseek/deepseek-v3"),
        ("together", "deepcogito/cogito-v2-1-671b", "deepcogito/cogito-v2.1-671b"),
        ("together", "arcee_ai/arcee-spotlight", "arcee-ai/arcee-spotlight"),
        ("together", "pearl-ai/gemma-4-31b-it", "pearl-ai/gemma-4-31b-it"),
        ("groq", "moonshotai/kimi-k2-instruct", "moonshot/kimi-k2-instruct"),
        ("groq", "llama-3.1-8b-instant", "meta/llama-3.1-8b-instant"),
        (
            "groq",
            "llama3-groq-8b-8192-tool-use-preview",
            "groq/llama3-groq-8b-8192-tool-use-preview",
        ),
        ("groq", "qwen-qwq-32b", "qwen/qwq-32b"),
        ("groq", "groq/compound-mini", "groq/compound-mini"),
        ("groq", "canopylabs/orpheus-v1-english", "canopylabs/orpheus-v1-english"),
        (
            "fireworks",
            "accounts/fireworks/models/llama-v3p1-8b-instruct",
            "meta/llama-3.1-8b-instruct",
        ),
        ("fireworks", "accounts/fireworks/models/deepseek-v3p2", "deepseek/deepseek-v3.2"),
        ("fireworks", "accounts/fireworks/routers/kimi-k2p6-turbo", "moonshot/kimi-k2.6-turbo"),
        ("fireworks", "Kimi K2.5", "moonshot/kimi-k2.5"),
        ("fireworks", "Llama 3.3 70B Instruct", "meta/llama-3.3-70b-instruct"),
        ("cerebras", "llama3.1-8b", "meta/llama-3.1-8b"),
        ("cerebras", "qwen-3-235b-a22b-instruct-2507", "qwen/qwen3-235b-a22b-instruct-2507"),
        ("cerebras", "zai-glm-4.7", "zai/glm-4.7"),
        ("cerebras", "disable_reasoning", "cerebras/disable_reasoning"),
        ("perplexity", "sonar-pro", "perplexity/sonar-pro"),
        ("perplexity", "google/gemini-2.5-pro", "google/gemini-2.5-pro"),
        (
            "perplexity",
            "perplexity/nemotron-3-ultra-550b-a55b",
            "nvidia/nemotron-3-ultra-550b-a55b",
        ),
        (
            "perplexity",
            "llama-3.1-sonar-small-128k-online",
            "perplexity/llama-3.1-sonar-small-128k-online",
        ),
        ("perplexity", "R1-1776", "perplexity/r1-1776"),
        ("perplexity", "GPT-5.6 Luna", "openai/gpt-5.6-luna"),
        # Makers' own lists. Mistral's numbers and dates of release are not tied by a rule, so they
        # stay apart.
        ("mistral", "Mistral Large 2407", "mistral/mistral-large-2407"),
        ("mistral", "Mistral Large 2.1", "mistral/mistral-large-2.1"),
        ("mistral", "open-mistral-nemo", "mistral/open-mistral-nemo"),
        ("mistral", "mistral-medium-3-5", "mistral/mistral-medium-3.5"),
        ("mistral", "zai-glm-5-2", "zai/glm-5.2"),
        ("cohere", "command-r-plus-04-2024", "cohere/command-r-plus-04-2024"),
        ("cohere", "embed-english-v3.0", "cohere/embed-english-v3"),
        ("cohere", "c4ai-aya-expanse-8b", "cohere/c4ai-aya-expanse-8b"),
        ("xai", "grok-4-1-fast-reasoning", "xai/grok-4.1-fast-reasoning"),
        ("xai", "grok-4-0709", "xai/grok-4-0709"),
        ("deepseek", "deepseek-reasoner", "deepseek/deepseek-reasoner"),
        ("deepseek", "V3.1-Terminus", "deepseek/deepseek-v3.1-terminus"),
        ("qwen", "qwen3-coder-plus", "qwen/qwen3-coder-plus"),
        ("qwen", "MiniMax-M2.1", "minimax/minimax-m2.1"),
        ("qwen", "gte-rerank", "qwen/gte-rerank"),
        ("moonshot", "moonshot-v1-8k", "moonshot/moonshot-v1-8k"),
        ("zai", "GLM-4-32B-0414-128K", "zai/glm-4-32b-0414-128k"),
        ("zai", "CogVideoX-3", "zai/cogvideox-3"),
        ("minimax", "MiniMax-M2.5-highspeed", "minimax/minimax-m2.5-highspeed"),
        ("xiaomi", "mimo-v2-flash", "xiaomi/mimo-v2-flash"),
        # Catalogues: host first, in LiteLLM's keys with a region, a commitment or a size behind it,
        # or no host at all.
        ("litellm", "azure/gpt-4o", "openai/gpt-4o"),
        ("litellm", "azure/eu/gpt-5.1-codex-mini", "openai/gpt-5.1-codex-mini"),
        ("litellm", "azure/low/1024-x-1536/gpt-image-1", "openai/gpt-image-1"),
        ("litellm", "256-x-256/dall-e-2", "openai/dall-e-2"),
        ("litellm", "bedrock/us-east-1/anthropic.claude-v2:1", "anthropic/claude-2-1"),
        (
            "litellm",
            "bedrock/eu-central-1/6-month-commitment/anthropic.claude-v1",
            "anthropic/claude-1",
        ),
        ("litellm", "1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0", "amazon/nova-canvas"),
        ("litellm", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/claude-sonnet-4-5"),
        ("litellm", "vertex_ai/claude-3-haiku@20240307", "anthropic/claude-haiku-3"),
        ("litellm", "vertex_ai/minimaxai/minimax-m2-maas", "minimax/minimax-m2"),
        ("litellm", "gemini/gemini-1.5-flash", "google/gemini-1.5-flash"),
        ("litellm", "cloudflare/@cf/meta/llama-3.2-1b-instruct", "meta/llama-3.2-1b-instruct"),
        ("litellm", "deepinfra/anthropic/claude-4-opus", "anthropic/claude-opus-4"),
        ("litellm", "fireworks_ai/accounts/fireworks/models/glm-4p7", "zai/glm-4.7"),
        (
            "litellm",
            "nvidia_nim/nvidia/llama-3_2-nv-rerankqa-1b-v2",
            "nvidia/llama-3_2-nv-rerankqa-1b-v2",
        ),
        ("litellm", "deepgram/nova-2", "deepgram/nova-2"),
        ("litellm", "voyage/rerank-2.5", "voyage/rerank-2.5"),
        ("models_dev", "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("models_dev", "alibaba/qwen3.6-plus", "qwen/qwen3.6-plus"),
        ("models_dev", "greenpt/glm-5.1", "zai/glm-5.1"),
        ("models_dev", "moonshotai/kimi-k3", "moonshot/kimi-k3"),
        ("genai_prices", "openrouter/x-ai/grok-4-fast", "xai/grok-4-fast"),
        ("llm_prices", "amazon-nova-micro", "amazon/nova-micro"),
        # A person's words, without a provider.
        ("", "Claude 3 Haiku", "anthropic/claude-haiku-3"),
        ("", "azure/gpt-4o", "openai/gpt-4o"),
        ("", "rocket-skates-1", "rocket-skates-1"),
        # What no rule knows keeps its own form; a notice without a model has no id.
        ("acme", "models/Great Model 20240307", "acme/models/great-model-20240307"),
        ("openai", "", ""),
    ],
)
def test_canonical(provider: str, model: str, expected: str) -> None:
    assert canonical(provider, model) == expected


PROVIDERS = st.sampled_from(
    (
        "acme",
        "anthropic",
        "azure",
        "bedrock",
        "cerebras",
        "cohere",
        "deepseek",
        "fireworks",
        "gemini",
        "genai_prices",
        "groq",
        "litellm",
        "llm_prices",
        "minimax",
        "mistral",
        "models_dev",
        "moonshot",
        "openai",
        "openrouter",
        "perplexity",
        "qwen",
        "together",
        "vertex",
        "xai",
        "xiaomi",
        "zai",
    )
)
ORGS = (
    "",
    "~",
    "openai/",
    "meta-llama/",
    "~x-ai/",
    "nvidia/",
    "azure/eu/",
    "accounts/fireworks/models/",
    "unknown-org/",
)
VENDORS = ("", "anthropic.", "us.meta.", "global.amazon.", "deepseek.", "newcomer.")
NAMES = (
    "claude-3-5-sonnet",
    "claude-v2",
    "claude-opus-4-0",
    "llama3-1-70b-instruct",
    "meta-llama-v3p1",
    "nova-lite-v1",
    "gpt-35-turbo",
    "r1",
    "Command-R+",
    "cohere-embed-english-v3.0",
    "qwen-3-32b",
    "qwen-qwq-32b",
    "zai-glm-5-2",
    "GLM-1-2-3",
    "Great_Model",
    "1p2p3",
)
ENDS = (
    "",
    "-20240307",
    "@20240307",
    "@default",
    "-v1:0",
    "-v2:0",
    "-v1:1",
    "-v1:0:28k",
    ":free",
    "-maas",
    "-latest",
    " 2",
)
#: Ids as hosts build them, also in ways that none of them does.
BUILT = st.tuples(*(st.sampled_from(parts) for parts in (ORGS, VENDORS, NAMES, ENDS))).map("".join)
TEXT = st.text(st.sampled_from("abgoptz-./:@~ 0123\u00a0"), min_size=1, max_size=12)


@given(PROVIDERS, BUILT | TEXT)
def test_a_canonical_id_has_a_maker_and_a_model_and_is_its_own(provider: str, model: str) -> None:
    found = canonical(provider, model)
    if not model.strip().strip("/"):
        assert found == ""
        return
    maker, slash, name = found.partition("/")
    assert slash
    assert maker
    assert name
    assert not any(char.isspace() for char in found)
    assert found == found.casefold()
    assert canonical(provider, found) == found


@given(PROVIDERS, BUILT | TEXT)
def test_case_and_space_around_an_id_make_no_difference(provider: str, model: str) -> None:
    assert (
        canonical(provider, model.upper())
        == canonical(provider, model.lower())
        == canonical(provider, f" {model} ")
    )
