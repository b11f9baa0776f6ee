"""The generator of a stage by its name: one that is always there, or a language model of the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gts.generator.llm import Brief, LLMConfig, LLMGenerator
from gts.generator.protocol import REGISTRY, Generator, make_generator
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.tasks.dataset import TaskData


@dataclass(frozen=True)
class Writer:
    """A generator, and where it asks a language model, the account of that."""

    generator: Generator
    asking: Asking | None

    def account(self) -> dict[str, Any]:
        """What its calls took; empty where it makes none."""
        return self.asking.account() if self.asking is not None else {}


def make_writer(data: TaskData, params: Mapping[str, Any], report: Callable[[float], None]) -> Writer:
    """The generator that a stage's parameters name.

    Args:
        data: The task.
        params: ``generator`` (its name); for language models ``schema`` (whether they keep to one), ``tokens`` and ``money``
            (what may be spent, or None).
        report: Told the fraction that is done of each row of calls.

    Raises:
        NotFound: There is no such generator here.
        MissingDependency: The language model's package or key is not at hand.
    """
    name = params["generator"]
    if name in REGISTRY:
        return Writer(make_generator(name), None)
    model = open_model(name)
    asking = Asking(model, params["tokens"], params["money"], report)
    spec = data.spec
    brief = Brief(
        spec.name,
        {label: spec.labels.get(label, "") for label in data.labels},
        spec.language,
        data.multi_label,
    )
    config = LLMConfig(chat=model.entry.chat, schema=params["schema"])
    return Writer(LLMGenerator(name, asking, brief, config), asking)
