"""The generator of a stage by its name: one that is always there, or a language model of the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gts.core.errors import InvalidInput
from gts.core.llm.entries import ModelEntry, find
from gts.core.llm.tokens import LocalTokenModel
from gts.generator.checks import Embed
from gts.generator.llm import Brief, LLMConfig, LLMGenerator
from gts.generator.mcts import MCTSConfig, MCTSGenerator
from gts.generator.protocol import REGISTRY, Generator, make_generator
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.tasks.dataset import TaskData


@dataclass(frozen=True)
class Writer:
    """A generator, and the account of what it took where it asks a language model."""

    generator: Generator
    account: Callable[[], dict[str, Any]] = dict


def make_writer(
    data: TaskData, params: Mapping[str, Any], embed: Embed, report: Callable[[float], None]
) -> Writer:
    """The generator that a stage's parameters name.

    Args:
        data: The task.
        params: ``generator`` (its name); for language models ``schema`` (whether they keep to one), ``tokens`` and ``money``
            (what may be spent, or None).
        embed: The teachers' space, for a search.
        report: Told the fraction that is done of each row of calls.

    Raises:
        NotFound: There is no such generator here.
        MissingDependency: The language model's package, key or weights are not at hand.
    """
    name = params["generator"]
    if name in REGISTRY:
        return Writer(make_generator(name))
    entry = find(name)
    if entry.search is not None:
        return _searching(entry, entry.search, embed)
    asking = Asking(open_model(name), params["tokens"], params["money"], report)
    spec = data.spec
    described = {label: spec.labels.get(label, "") for label in data.labels}
    brief = Brief(spec.name, described, spec.language, data.multi_label)
    config = LLMConfig(chat=entry.chat, schema=params["schema"])
    return Writer(LLMGenerator(name, asking, brief, config), asking.account)


def _searching(entry: ModelEntry, options: Mapping[str, Any], embed: Embed) -> Writer:
    model = LocalTokenModel(entry)
    generator = MCTSGenerator(entry.name, model, embed, search_config(options))

    def account() -> dict[str, Any]:
        nothing = {"calls": 0, "money": 0.0, "cached": 0, "faults": {}}
        return {"model": entry.name, "tokens": model.evaluated, **nothing}

    return Writer(generator, account)


def search_config(options: Mapping[str, Any]) -> MCTSConfig:
    """The options of a search, as the file of models gives them.

    Raises:
        InvalidInput: One is unknown or out of range.
    """
    known = [option.name for option in fields(MCTSConfig)]
    if unknown := sorted(set(options) - set(known)):
        raise InvalidInput(
            f"a search has no option {unknown[0]!r}; known: {', '.join(known)}",
            mend="correct `search` in the file GTS_MODELS names",
        )
    return MCTSConfig(**options)
