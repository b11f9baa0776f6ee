"""The site's language models as a job sees them: checked before it begins, and told apart in the keys of its stages."""

from __future__ import annotations

from typing import Any

from gts.core.errors import GTSError, InvalidInput, MissingDependency, NotFound, Unavailable
from gts.core.llm import entries, prompts
from gts.core.llm.entry import ModelEntry
from gts.tasks.spec import TaskSpec

TEACHING, WRITING = "gts.teacher", "gts.generator"
"""Packages of the prompts with which texts are labelled, and written."""

OUT_OF_REACH = (Unavailable, MissingDependency, NotFound, InvalidInput)
"""What goes wrong with a language model that a job can do without."""


def check_models(spec: TaskSpec) -> None:
    """Refuse models that the site does not have, or that a job of this task could not use.

    Raises:
        InvalidInput: A name is unknown, an option is wrong, the file of models is missing or malformed, ``GTS_PROMPTS``
            names no folder, or a model cannot write what this task needs.
    """
    names = spec.language_models
    if not names:
        return
    entries.check_known(names)
    prompts.check_folder()
    for name in spec.writers:
        _check_writer(entries.find(name), spec)
    wanted = [entry for entry in map(entries.find, names) if entry.search or entry.tune]
    if wanted:
        from gts.orchestrator.stages.writers import check_options

        for entry in wanted:
            check_options(entry)


def _check_writer(entry: ModelEntry, spec: TaskSpec) -> None:
    if spec.type == "classification":
        return
    own = "search" if entry.search is not None else "tune" if entry.tune is not None else None
    if own is not None:
        raise InvalidInput(
            f"generator {entry.name!r} has `{own}`, which is for labelled texts only; "
            f"in a task of type {spec.type} a model writes as it is",
            mend=f"name it a second time without `{own}` in the file GTS_MODELS names, or leave it out of generators",
        )
    if spec.scale is not None:
        raise InvalidInput(
            f"generator {entry.name!r} is to write pairs with grades; language models are asked for alike and "
            "not alike ones only",
            mend="leave it out of generators, or name it as a teacher",
        )


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


def in_words(error: GTSError) -> str:
    """What went wrong and what to do, as parts of one sentence."""
    message = error.message.rstrip(" .")
    return f"{message}; {error.mend}" if error.mend else message
