"""Words that other rooms give and pages translate; whatever else they give is shown as it is."""

from __future__ import annotations

from gts.platform.pages.languages import ENGLISH, Language, mark
from gts.tasks.measures import AGREEMENT, NAMES

TASK_TYPES = (
    mark("classification"),
    mark("similarity"),
    mark("ner"),
    mark("relation"),
    mark("event"),
    mark("summarization"),
)
STAGES = (
    mark("guess"),
    mark("mine"),
    mark("profile"),
    mark("embed"),
    mark("begin"),
    mark("teach"),
    mark("audit"),
    mark("examine"),
    mark("consult"),
    mark("distil"),
    mark("generate"),
    mark("label"),
    mark("package"),
    mark("evaluate"),
)
"""Stages by name, those of row tasks without their ``rows.``."""

MEASURES = (*NAMES.values(), AGREEMENT)


def metric_name(metric: str, language: Language = ENGLISH) -> str:
    """A metric as people say it.

    Example:
        >>> metric_name("macro_f1")
        'macro F1'
    """
    return language.text(NAMES.get(metric, metric.replace("_", " ")))


def stage_name(stage: str, language: Language = ENGLISH) -> str:
    """A stage with its detail, such as ``distil static``: the name is translated where it is known, the detail never.

    Example:
        >>> stage_name("rows.distil static")
        'rows.distil static'
    """
    name, space, detail = stage.partition(" ")
    known = name.removeprefix("rows.")
    return f"{language.texts.get(known, name)}{space}{detail}"
