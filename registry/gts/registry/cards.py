"""Cards: the YAML front matter of README.md, and what listings show of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import PurePosixPath
from typing import Any

import yaml

from gts.core.errors import InvalidInput

MAX_CARD_BYTES = 1 << 20
_MAX_FRONT_MATTER = 64 << 10
_MAX_DEPTH = 20
_SUFFIX_TAGS = {".safetensors": "safetensors", ".onnx": "onnx", ".gguf": "gguf"}
# Fields of a data set's card by which clients filter, as `field:value`.
_DATASET_FIELDS = (
    "task_categories",
    "task_ids",
    "language",
    "language_creators",
    "multilinguality",
    "size_categories",
    "license",
)
_ARCHITECTURE_TASKS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
}


def parse_card(text: str) -> dict[str, Any]:
    """The front matter of a model card as plain JSON values; empty without one.

    Raises:
        InvalidInput: It is not a YAML mapping, or built to exhaust its reader.

    Example:
        >>> parse_card("---\\nlicense: mit\\ntags: [a]\\n---\\n# Title")
        {'license': 'mit', 'tags': ['a']}
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise _invalid("it begins with '---' and no second '---' closes it")
    matter = "\n".join(lines[1:end])
    if len(matter) > _MAX_FRONT_MATTER:
        raise _invalid(f"it is longer than {_MAX_FRONT_MATTER >> 10} KiB")
    try:
        _check_events(matter)
        values = yaml.safe_load(matter)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(" ".join(str(error).split())[:300]) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _invalid(f"it is a {type(values).__name__}, not a mapping of names to values")
    return {_plain(str(name)): _plain(value) for name, value in values.items()}


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(
        f"the front matter of README.md cannot be used: {reason}",
        mend="write `name: value` lines of YAML between two lines of '---' at the top of README.md",
        file="README.md",
    )


def _check_events(matter: str) -> None:
    # Aliases let a few lines expand to gigabytes of JSON; depth would exhaust the stack.
    depth = 0
    for event in yaml.parse(matter, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases ('*name') are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise yaml.YAMLError(f"nested deeper than {_MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(value: Any) -> Any:
    """YAML has dates, sets, bytes and infinities; JSON does not."""
    match value:
        case dict():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set():
            return sorted((_plain(item) for item in value), key=str)
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return str(value)
        case bytes():
            raise _invalid("binary values are not allowed")
        case str() if any("\ud800" <= c <= "\udfff" for c in value):
            raise _invalid("it holds half a surrogate pair")
        case _:
            return value


def summarize(card: Mapping[str, Any], config: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """What listings and clients want to know first: task, library and tags.

    Args:
        card: Front matter of the README.
        config: Content of ``config.json``.
        paths: All files.

    Returns:
        ``pipeline_tag`` and ``library_name`` (str or None) and ``tags`` (list of str).

    Example:
        >>> summarize({}, {"architectures": ["BertForSequenceClassification"]}, ["model.safetensors"])
        {'pipeline_tag': 'text-classification', 'library_name': 'transformers', 'tags': ['transformers', \
'safetensors', 'text-classification']}
    """
    library, task = _text(card.get("library_name")), _text(card.get("pipeline_tag"))
    architectures = config.get("architectures")
    if config.get("model_type") == "model2vec":
        library = library or "model2vec"
    elif isinstance(architectures, list) and architectures:
        library = library or "transformers"
        known = (tag for end, tag in _ARCHITECTURE_TASKS.items() if str(architectures[0]).endswith(end))
        task = task or next(known, None)
    suffixes = {PurePosixPath(path).suffix.lower() for path in paths}
    tags = [
        *([library] if library else []),
        *(tag for suffix, tag in _SUFFIX_TAGS.items() if suffix in suffixes),
        *([task] if task else []),
        *_texts(card.get("tags")),
        *_texts(card.get("language")),
        *(f"dataset:{name}" for name in _texts(card.get("datasets"))),
        *(f"base_model:{name}" for name in _texts(card.get("base_model"))),
        *(f"license:{name}" for name in _texts(card.get("license"))),
    ]
    return {"pipeline_tag": task, "library_name": library, "tags": list(dict.fromkeys(tags))}


def summarize_dataset(card: Mapping[str, Any]) -> dict[str, Any]:
    """What listings want to know of a data set: its tags.

    Args:
        card: Front matter of the README.

    Example:
        >>> summarize_dataset({"license": "mit", "task_categories": ["text-classification"], "tags": ["gts"]})
        {'tags': ['task_categories:text-classification', 'license:mit', 'gts']}
    """
    named = (f"{field}:{value}" for field in _DATASET_FIELDS for value in _texts(card.get(field)))
    return {"tags": list(dict.fromkeys([*named, *_texts(card.get("tags"))]))}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> list[str]:
    return [
        item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item
    ]
