"""Whether what a language model says fits a schema: names it wrote a little differently, relations between the wrong types."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gts.tasks.schema import Schema
from gts.tasks.structures import Relation, Span
from gts.tasks.text import same_text_key

_JOINT = re.compile(r"[\s_\-.]+")


def matching_name(written: str, names: Iterable[str]) -> str | None:
    """The name that is meant: the same one, or one that differs in case, width, or what joins its words.

    Example:
        >>> matching_name("Date of birth", ["date_of_birth", "date"]), matching_name("day", ["date"])
        ('date_of_birth', None)
    """
    known = list(names)
    if written in known:
        return written
    key = _key(written)
    return next((name for name in known if _key(name) == key), None)


def _key(name: str) -> str:
    return _JOINT.sub(" ", same_text_key(name)).strip()


def allows(schema: Schema, relation: Relation) -> bool:
    """Whether a relation is of a known type and joins entities of types that it may join.

    Entities without a type may stand at either end.

    Example:
        >>> schema = Schema(relations={"works for": {"head": ["person"]}})
        >>> place = Span(0, 3, "place")
        >>> allows(schema, Relation("works for", place, place)), allows(schema, Relation("owns", place, place))
        (False, False)
    """
    kind = schema.relations.get(relation.type)
    return kind is not None and _fits(relation.head, kind.head) and _fits(relation.tail, kind.tail)


def _fits(end: Span, types: tuple[str, ...]) -> bool:
    return not types or not end.type or end.type in types
