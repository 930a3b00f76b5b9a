"""The models that a team uses, out of a file: a list with one a line, or the config of a LiteLLM
proxy.

    gpt-4o                      on any platform
    azure/gpt-4o   # a comment  there only

Of a LiteLLM config, ``model_list[].litellm_params.model`` counts; where that names a deployment
(Azure), what ``model_info.base_model`` says it is. LiteLLM's prefix is the platform, and a name
without one is its maker's."""

from __future__ import annotations

import importlib
import pkgutil
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
#: The platform that sells a maker's models under their own names, where that has another name than
#: the maker.
_OWN = {"google": "gemini"}
#: Between LiteLLM's prefix and the id: how to call it, and where.
#: ``bedrock/converse/us-east-1/anthropic...``
_ROUTE = re.compile(r"(converse|converse_like|invoke|responses|[a-z]{2}(-gov)?-[a-z]+-\d)/")
_CONFIG = re.compile(r"^[\"']?model_list[\"']?\s*:", re.MULTILINE)
#: Adapters that list what others sell.
_CATALOGUES = frozenset({"example", "genai_prices", "litellm", "llm_prices", "models_dev", "news"})


@dataclass(frozen=True, slots=True)
class Used:
    """One model of a file. ``provider`` is empty where any is meant; ``problem`` says why it cannot
    be followed.
    """

    line: int
    said: str
    provider: str
    model: str
    problem: str = ""

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}" if self.provider else self.model


def read(file: str) -> list[Used]:
    """The models of a file, ``-`` for stdin, each once. Raises NotFound, and Unreadable for what is
    no such file.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise NotFound(f"cannot read {file!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{file}: is no text in UTF-8") from None
    yaml = _CONFIG.search(text) or file.endswith((".yaml", ".yml"))
    found = _configured(text, file) if yaml else _listed(text)
    first: dict[str, Used] = {}
    for one in found:
        first.setdefault(one.name, one)
    return list(first.values())


def filters(used: Sequence[Used], file: str) -> list[str]:
    """A filter for each model. Raises Unreadable with the lines that name none: a list that is half
    followed is worse than one that is refused."""
    platforms = _platforms()
    wrong = [
        f"line {one.line}: {problem}"
        for one in used
        if (problem := one.problem or _problem(one, platforms))
    ]
    if wrong:
        raise Unreadable(f"{file}: {'; '.join(wrong)}")
    if not used:
        raise Unreadable(f"{file}: names no model")
    return [_filter(one, platforms) for one in used]


def _filter(one: Used, platforms: Collection[str]) -> str:
    """Of that platform; of any where none is named, or its maker. A display name is written with
    hyphens.
    """
    where = one.provider.lower() if one.provider.lower() in platforms else "*"
    return f"{where}/{'-'.join(one.model.split())}"


def _problem(one: Used, platforms: Collection[str]) -> str:
    provider = one.provider.lower()
    if provider and provider not in platforms and provider not in MAKERS:
        return f"{one.said!r}: no page of {provider} is read"
    try:
        Pattern.parse(_filter(one, platforms))
    except ValueError as error:
        return str(error)
    return ""


def _platforms() -> frozenset[str]:
    """The providers whose pages are read. The adapters themselves are not imported."""
    import sources

    return frozenset(module.name for module in pkgutil.iter_modules(sources.__path__)) - _CATALOGUES


def _listed(text: str) -> Iterator[Used]:
    for number, line in enumerate(text.splitlines(), 1):
        said = line.split("#")[0].strip()
        if said:
            provider, slash, model = said.partition("/")
            yield Used(number, said, provider, model) if slash else Used(number, said, "", said)


# --- LiteLLM
# -----------------------------------------------------------------------------------------------


def _configured(text: str, file: str) -> Iterator[Used]:
    """The nodes of the YAML, not its objects: they know their lines, and nothing is built that
    could be large.
    """
    yaml: Any = importlib.import_module("yaml")  # only who has such a file pays for it
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}:" if mark else ""
        raise Unreadable(
            f"{file}:{where} {getattr(error, 'problem', None) or 'no YAML that can be read'}"
        ) from None
    entries = _get(root, "model_list")
    if not isinstance(entries, yaml.SequenceNode):
        raise Unreadable(f"{file}: has no model_list, or one that is no list")
    for entry in entries.value:
        said, base = _get(entry, "litellm_params", "model"), _get(entry, "model_info", "base_model")
        if not isinstance(said, yaml.ScalarNode) or not said.value.strip():
            raise Unreadable(
                f"{file}: line {entry.start_mark.line + 1}: the entry has no litellm_params.model"
            )
        told = base.value.strip() if isinstance(base, yaml.ScalarNode) else ""
        yield _meant(said.start_mark.line + 1, said.value.strip(), told)


def _meant(line: int, said: str, base: str) -> Used:
    """What LiteLLM calls under a name."""
    prefix, slash, model = said.partition("/")
    provider = PREFIXES.get(prefix.lower(), prefix.lower()) if slash else ""
    if base:
        head, slash_of_base, rest = base.partition("/")
        own = PREFIXES.get(head.lower(), head.lower()) if slash_of_base else ""
        # A base model is written as LiteLLM's list of prices has it: azure/gpt-4o, or gpt-4o alone.
        return Used(line, said, provider or own or _maker(base), rest if own else base)
    if not slash:
        maker = _maker(said)
        problem = (
            "" if maker else f"{said!r}: nobody is known to make it; write it as provider/model"
        )
        return Used(line, said, maker, said, problem)
    while match := _ROUTE.match(model):
        model = model[match.end() :]
    problem = ""
    if provider == "azure" and not _maker(model) and "*" not in model:
        problem = f"{said!r} is a deployment; say what it is with model_info.base_model"
    return Used(line, said, provider, model, problem)


def _maker(model: str) -> str:
    """The platform of its maker for a plain name; empty where no rule knows the name."""
    maker, slash, _ = canonical("", model).partition("/")
    return _OWN.get(maker, maker) if slash else ""


def _get(node: Any, *path: str) -> Any:
    """The node at a path of keys, also through YAML's merge keys; None where there is none."""
    for key in path:
        pairs = node.value if node is not None and node.id == "mapping" else []
        found = next((value for name, value in pairs if name.value == key), None)
        if found is None:
            merged = [value for name, value in pairs if name.value == "<<"]
            within = [
                one
                for value in merged
                for one in (value.value if value.id == "sequence" else [value])
            ]
            found = next((there for one in within if (there := _get(one, key)) is not None), None)
        node = found
    return node
