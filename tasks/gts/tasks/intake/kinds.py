"""The types of a task of extraction: those its rows use, checked against those it declares, and filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gts.core.errors import InvalidInput
from gts.tasks.cells import label_fault
from gts.tasks.checking import MIN_EXAMPLES, label_notes, label_order
from gts.tasks.intake.faults import around
from gts.tasks.intake.marks import Annotated
from gts.tasks.intake.records import Desk
from gts.tasks.limits import Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.schema import EntityType, EventType, RelationType
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Span
from gts.tasks.text import same_text_key
from gts.tasks.wording import counted, listing, nearest, quote

ENTITY, RELATION, EVENT = "entity", "relation", "event"
_NO_RELATION = {
    *("other", "norelation", "na", "n/a", "none", "null", "unknown", "negative", "无", "无关系", "没有关系"),
    *("其他", "其它", "未知"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a type in a row.

    Attributes:
        name: The type.
        spans: The spans it is said of.
    """

    name: str
    spans: tuple[Span, ...]

    def shown(self, text: str) -> str:
        """The first of its spans, as it may stand in a message."""
        span = self.spans[0]
        return f"{span.start}-{span.end} {around(text, span.start, span.end)}"


def uses(row: Annotated, kind: str) -> Iterator[Use]:
    """Every use of a type of one kind in a row; entities without a type do not count."""
    if kind == ENTITY:
        spans = [*(row.entities or ()), *(end for r in row.relations or () for end in (r.head, r.tail))]
        yield from (Use(span.type, (span,)) for span in dict.fromkeys(spans) if span.type)
    elif kind == RELATION:
        yield from (Use(found.type, (found.head, found.tail)) for found in row.relations or ())
    else:
        yield from (Use(found.type, (found.trigger,)) for found in row.events or ())


def is_no_relation(name: str) -> bool:
    """Whether a relation type is a customary name for the class that says that none holds.

    Example:
        >>> [is_no_relation(name) for name in ("Other", "no_relation", "founder")]
        [True, True, False]
    """
    return "".join(same_text_key(name).replace("_", " ").replace("-", " ").split()) in _NO_RELATION


def check_declared(spec: TaskSpec, limits: Limits) -> None:
    """The names that a task declares must be fit to be shown, and relations join declared entity types only.

    Raises:
        InvalidInput: One is not.
    """
    roles = (role for kind in spec.events.values() for role in kind.roles)
    declared = (
        ("entities", spec.entities),
        ("relations", spec.relations),
        ("events", (*spec.events, *roles)),
    )
    for field, names in declared:
        for name in tuple(names):
            fault = label_fault(name, limits) or (
                "begins or ends with a space" if name.strip() != name else None
            )
            if fault:
                raise InvalidInput(
                    f"the name {quote(name)} {fault}", mend="give it a short visible name", field=field
                )
    for name, kind in spec.relations.items():
        for end in (*kind.head, *kind.tail):
            if spec.entities and end not in spec.entities:
                like = nearest(end, list(spec.entities))
                raise InvalidInput(
                    f"relations.{name} joins entities of type {quote(end)}, which the task does not have; "
                    f"expected was one of {listing(spec.entities)}",
                    mend=f"did you mean {quote(like)}?"
                    if like
                    else "add it to the entities, or leave it out",
                    field="relations",
                )


def check_known(
    rows: Iterable[Annotated], kind: str, known: Collection[str], source: str, problems: Problems
) -> None:
    """Every type must be among the known ones; the message shows the span and offers the nearest name."""
    names = list(known)
    for row in rows:
        for use in uses(row, kind):
            if use.name not in known:
                like = nearest(use.name, names)
                problems.add(
                    row.place,
                    f"unknown {kind} type {quote(use.name)} of {use.shown(row.text)}; "
                    f"expected was one of {listing(names)} ({source})",
                    f"did you mean {quote(like)}?" if like else "mend the type, or add it to the task's",
                )


def found_types(rows: Sequence[Annotated], kind: str) -> tuple[str, ...]:
    """The types that rows use, in a fixed order."""
    return label_order(use.name for row in rows for use in uses(row, kind))


def check_counts(desk: Desk, rows: Sequence[Annotated], kind: str, names: Sequence[str], file: str) -> None:
    """Each type must be in two texts, so that one can judge what was learned from the other."""
    place = Place(file)
    if len(names) > desk.limits.labels:
        message = f"{counted(len(names), f'{kind} type')}; at most {desk.limits.labels:,} are accepted"
        desk.problems.stop(place, message, "check that the right key was read as the type")
    texts = Counter(name for row in rows for name in {use.name for use in uses(row, kind)})
    none = [name for name in names if not texts[name]]
    few = [name for name in names if 0 < texts[name] < MIN_EXAMPLES]
    if none:
        mend = "mark it in two texts at least, or take it out of the task"
        desk.problems.add(place, f"no example of the {kind} type {listing(none)}", mend)
    if few:
        lonely = next(row for row in rows for use in uses(row, kind) if use.name == few[0])
        desk.problems.add(
            lonely.place if len(few) == 1 else place,
            f"only one text with the {kind} type {listing(few)} (repeated texts count once)",
            f"mark it in more texts: {MIN_EXAMPLES} are the least, 8 are good; or take its marks out",
        )
    desk.notes.extend(note.replace("labels", f"{kind} types") for note in label_notes(names))


def filled_entities(declared: Mapping[str, EntityType], names: Sequence[str]) -> dict[str, EntityType]:
    """The entity types of a task: the declared ones, else those found."""
    return dict(declared) or {name: EntityType() for name in names}


def filled_relations(declared: Mapping[str, RelationType], names: Sequence[str]) -> dict[str, RelationType]:
    """The relation types of a task: the declared ones, else those found, which may join any entities."""
    return dict(declared) or {name: RelationType() for name in names}


def filled_events(
    declared: Mapping[str, EventType], names: Sequence[str], rows: Sequence[Annotated]
) -> dict[str, EventType]:
    """The event types of a task: the declared ones, else those found; so are the roles of each."""
    roles: dict[str, set[str]] = {}
    for row in rows:
        for event in row.events or ():
            roles.setdefault(event.type, set()).update(part.role for part in event.arguments)
    types = dict(declared) or {name: EventType() for name in names}
    return {
        name: kind
        if kind.roles
        else EventType(
            description=kind.description, roles=dict.fromkeys(label_order(roles.get(name, ())), "")
        )
        for name, kind in types.items()
    }


def check_roles(
    rows: Iterable[Annotated], types: Mapping[str, EventType], source: str, problems: Problems
) -> None:
    """Every role must be one of its event's type."""
    for row in rows:
        for event in row.events or ():
            known = types[event.type].roles if event.type in types else None
            for part in event.arguments:
                if known is None or part.role in known:
                    continue
                like = nearest(part.role, list(known))
                shown = f"{part.start}-{part.end} {around(row.text, part.start, part.end)}"
                problems.add(
                    row.place,
                    f"unknown role {quote(part.role)} of {shown} in an event of type {quote(event.type)}; "
                    f"expected was one of {listing(known) if known else 'no role at all'} ({source})",
                    f"did you mean {quote(like)}?"
                    if like
                    else "mend the role, or add it to the event's type",
                )


def check_ends(rows: Iterable[Annotated], types: Mapping[str, RelationType], problems: Problems) -> None:
    """Heads and tails must be of the entity types that their relation's type declares."""
    for row in rows:
        for found in row.relations or ():
            kind = types.get(found.type)
            for name, end, allowed in (
                (("head", found.head, kind.head), ("tail", found.tail, kind.tail)) if kind else ()
            ):
                if allowed and end.type and end.type not in allowed:
                    shown = f"{end.start}-{end.end} {around(row.text, end.start, end.end)}"
                    problems.add(
                        row.place,
                        f"the {name} {shown} of a relation {quote(found.type)} is of type {quote(end.type)}; "
                        f"expected was {listing(allowed)} (declared in the task)",
                        "mend the entity's type, or the task",
                    )
