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
    mark("expect"),
    mark("pose"),
)
"""Stages by name, those of row tasks without their ``rows.``."""

FINDINGS = {
    "contradiction": mark("Contradicting labels"),
    "conflict": mark("One thing, two types"),
    "overlap": mark("Overlapping labels"),
    "missed": mark("Perhaps forgotten"),
    "few": mark("Few examples"),
    "foreign": mark("Not in the text’s words"),
    "imbalance": mark("Imbalance"),
    "together": mark("Always together"),
    "copies": mark("Copies"),
    "giveaway": mark("A giveaway"),
    "surface": mark("Too plain"),
    "whole": mark("Hardly shorter"),
    "repeated": mark("Repetition"),
    "names": mark("Names alike"),
    "unclear": mark("Unclear names"),
}
"""Kinds of findings in labels, with their titles."""

STEPS = {
    "seed-only": mark("labels alone"),
    "plain": mark("labels and teachers"),
    "refined": mark("the same, trained end to end"),
    "generated": mark("the same and generated texts"),
}
"""What students learnt from, by the variant of their trial."""

PROMOTIONS = {
    "promote": mark("promoted"),
    "rollback": mark("rolled back"),
    "job": mark("set by a job"),
    "remove": mark("removed"),
    "retire": mark("retired"),
    "restore": mark("restored"),
}
"""What happened to an alias or a revision, by the kind of its row."""

PARTS = {
    "gold": mark("Given labels"),
    "answered": mark("Answers of people"),
    "guessed": mark("Guessed labels"),
    "pool": mark("Rows without labels"),
    "test": mark("Test rows"),
    "base_model": mark("Base model"),
    "language_model": mark("Language model"),
    "teacher": mark("Teacher"),
    "generator": mark("Generator"),
    "parent": mark("Revision before"),
    "student": mark("Student"),
}
"""Parts of a lineage, by their kind."""

MEASURES = (*NAMES.values(), AGREEMENT)


def finding_title(kind: str, language: Language = ENGLISH) -> str:
    """The title of a kind of finding.

    Example:
        >>> finding_title("overlap")
        'Overlapping labels'
    """
    return language.text(FINDINGS.get(kind, kind))


def promotion_word(kind: str, language: Language = ENGLISH) -> str:
    """What happened, by the kind of its row.

    Example:
        >>> promotion_word("rollback")
        'rolled back'
    """
    return language.text(PROMOTIONS.get(kind, kind))


def part_name(kind: str, language: Language = ENGLISH) -> str:
    """A part of a lineage, by its kind.

    Example:
        >>> part_name("base_model")
        'Base model'
    """
    return language.text(PARTS.get(kind, kind))


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
