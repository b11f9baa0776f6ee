"""The site's language models as a job sees them: checked before it begins, and told apart in the keys of its stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gts.core.llm import entries, prompts

TEACHING, WRITING = "gts.teacher", "gts.generator"
"""Packages of the prompts with which texts are labelled, and written."""


def check_models(names: Sequence[str]) -> None:
    """Refuse models that the site does not have, or whose entry a job could not use.

    Raises:
        InvalidInput: A name is unknown, an option is wrong, the file of models is missing or malformed, or ``GTS_PROMPTS``
            names no folder.
    """
    if not names:
        return
    entries.check_known(names)
    prompts.check_folder()
    wanted = [entry for entry in map(entries.find, names) if entry.search or entry.tune]
    if wanted:
        from gts.orchestrator.stages.writers import check_options

        for entry in wanted:
            check_options(entry)


def asked_with(name: str, *packages: str) -> dict[str, Any]:
    """What decides, beside its texts, what a stage hears from a model: parameters of every stage that asks one.

    Args:
        name: The model.
        packages: Where the prompts are that it is asked with.

    Raises:
        NotFound: ``GTS_MODELS`` names no such model here.
        InvalidInput: That file, or a prompt of a person's own, cannot be read.
    """
    entry = entries.find(name)
    return {
        "identity": entry.identity(),
        "chat": entry.chat,
        "prompts": prompts.prompts_digest(*packages),
    }
