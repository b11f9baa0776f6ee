"""The crafts by task type; each is imported when it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from gts.orchestrator.crafts.protocol import Craft

CRAFTS: Mapping[str, str] = {
    "similarity": "gts.orchestrator.crafts.pairs:PairCraft",
    "ner": "gts.orchestrator.crafts.extraction:ExtractionCraft",
    "relation": "gts.orchestrator.crafts.extraction:ExtractionCraft",
    "event": "gts.orchestrator.crafts.extraction:ExtractionCraft",
    "summarization": "gts.orchestrator.crafts.summaries:SummaryCraft",
}


def craft_of(task_type: str) -> Craft:
    """The craft of a task type."""
    module, _, name = CRAFTS[task_type].partition(":")
    craft: Craft = getattr(import_module(module), name)()
    return craft
