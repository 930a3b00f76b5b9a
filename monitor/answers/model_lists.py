"""The models that a team uses, from a file: a list with one a line, or the config of a LiteLLM
proxy.

    gpt-4o                      on any platform
    azure/gpt-4o   # a comment  only there

In a LiteLLM config, ``model_list[].litellm_params.model`` counts. Where that names a deployment
(Azure), ``model_info.base_model`` says which model it is. LiteLLM's prefix is the platform; a name
without one is its maker's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.core.names import MAKERS, canonical
from monitor.core.patterns import Pattern
from monitor.errors import NotFound, Unreadable

#: LiteLLM's prefixes that are not the name of our adapter (its documentation, "Providers").
PREFIXES = {
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "codestral": "mistral",
    "cohere_chat": "cohere",
    "dashscope": "qwen",
    "fireworks_ai": "fireworks",
    "text-completion-codestral": "mistral",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "vertex",
    "vertex_ai_beta": "vertex",
    "xiaomi_mimo": "xiaomi",
}
#: The platform that sells a maker's models under their own names, where it has another name.
_OWN = {"google": "gemini"}
#: Between LiteLLM's prefix and the id: how to call it, and where.
#: ``bedrock/converse/us-east-1/anthropic...``
_ROUTE = re.compile(r"(converse|converse_like|invoke|responses|[a-z]{2}(-gov)?-[a-z]+-\d)/")
_CONFIG = re.compile(r"^[\"']?model_list[\"']?\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model of a file. ``provider`` is empty where any is meant. ``problem`` says why a filter
    cannot follow it.
    """

    line: int
    text: str
    provider: str
    model: str
    problem: str = ""

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}" if self.provider else self.model


def read(file: str) -> list[ListedModel]:
    """Return the models of a file, ``-`` for stdin, each once.

    Raises NotFound, and Unreadable for a file of another kind."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise NotFound(f"cannot read {file!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{file}: is no text in UTF-8") from None
    is_yaml = _CONFIG.search(text) or file.endswith((".yaml", ".yml"))
    first: dict[str, ListedModel] = {}
    for model in _from_config(text, file) if is_yaml else _from_list(text):
        first.setdefault(model.name, model)
    return list(first.values())


def filters(models: Sequence[ListedModel], file: str, platforms: Collection[str]) -> list[str]:
    """Return a filter for each model; ``platforms`` are the providers whose pages are read.

    Raises Unreadable with the lines that cannot be followed: a list that is half followed is worse
    than one that is refused."""
    problems = [
        f"line {model.line}: {problem}"
        for model in models
        if (problem := model.problem or _problem(model, platforms))
    ]
    if problems:
        raise Unreadable(f"{file}: {'; '.join(problems)}")
    if not models:
        raise Unreadable(f"{file}: names no model")
    return [_filter(model, platforms) for model in models]


def _filter(model: ListedModel, platforms: Collection[str]) -> str:
    """Return the filter of a model: on its platform, or on any if none or only the maker is named.
    A display name is written with hyphens.
    """
    provider = model.provider.lower()
    place = provider if provider in platforms else "*"
    return f"{place}/{'-'.join(model.model.split())}"


def _problem(model: ListedModel, platforms: Collection[str]) -> str:
    provider = model.provider.lower()
    if provider and provider not in platforms and provider not in MAKERS:
        return f"{model.text!r}: no page of {provider} is read"
    try:
        Pattern.parse(_filter(model, platforms))
    except ValueError as error:
        return str(error)
    return ""


def _from_list(text: str) -> Iterator[ListedModel]:
    for number, line in enumerate(text.splitlines(), 1):
        name = line.split("#")[0].strip()
        if name:
            provider, slash, model = name.partition("/")
            pair = (provider, model) if slash else ("", name)
            yield ListedModel(number, name, *pair)


# --- LiteLLM
# -----------------------------------------------------------------------------------------------


def _from_config(text: str, file: str) -> Iterator[ListedModel]:
    """Read the nodes of the YAML, not its objects: nodes know their lines, and aliases that would
    make something huge are not expanded.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}:" if mark else ""
        reason = getattr(error, "problem", None) or "no YAML that can be read"
        raise Unreadable(f"{file}:{place} {reason}") from None
    entries = _node(root, "model_list")
    if not isinstance(entries, yaml.SequenceNode):
        raise Unreadable(f"{file}: has no model_list, or one that is no list")
    for entry in entries.value:
        name = _node(entry, "litellm_params", "model")
        base = _node(entry, "model_info", "base_model")
        if not isinstance(name, yaml.ScalarNode) or not name.value.strip():
            raise Unreadable(
                f"{file}: line {entry.start_mark.line + 1}: the entry has no litellm_params.model"
            )
        base_model = base.value.strip() if isinstance(base, yaml.ScalarNode) else ""
        yield _called(name.start_mark.line + 1, name.value.strip(), base_model)


def _called(line: int, name: str, base_model: str) -> ListedModel:
    """Return the model that LiteLLM calls by a name."""
    prefix, slash, model = name.partition("/")
    provider = PREFIXES.get(prefix.lower(), prefix.lower()) if slash else ""
    if base_model:
        # A base model is written as in LiteLLM's list of prices: azure/gpt-4o, or gpt-4o alone.
        head, has_head, rest = base_model.partition("/")
        own = PREFIXES.get(head.lower(), head.lower()) if has_head else ""
        place = provider or own or _maker(base_model)
        return ListedModel(line, name, place, rest if own else base_model)
    if not slash:
        maker = _maker(name)
        problem = f"{name!r}: nobody is known to make it; write it as provider/model"
        return ListedModel(line, name, maker, name, "" if maker else problem)
    while match := _ROUTE.match(model):
        model = model[match.end() :]
    problem = ""
    if provider == "azure" and not _maker(model) and "*" not in model:
        problem = f"{name!r} is a deployment; say what it is with model_info.base_model"
    return ListedModel(line, name, provider, model, problem)


def _maker(model: str) -> str:
    """Return the platform of the maker of a plain name, or "" where no rule knows the name."""
    maker, slash, _ = canonical("", model).partition("/")
    return _OWN.get(maker, maker) if slash else ""


def _node(node: Any, *path: str) -> Any:
    """Return the node at a path of keys, also through YAML's merge keys, or None."""
    for key in path:
        pairs = node.value if node is not None and node.id == "mapping" else []
        child = next((value for name, value in pairs if name.value == key), None)
        if child is None:
            merged = [value for name, value in pairs if name.value == "<<"]
            sources = [
                source
                for value in merged
                for source in (value.value if value.id == "sequence" else [value])
            ]
            children = (_node(source, key) for source in sources)
            child = next((child for child in children if child is not None), None)
        node = child
    return node
