"""Tasks of extraction: rows of text with entities, relations or events, read, checked and made equal in form.

The rules, besides those of :mod:`gts.tasks.intake.offsets` and :mod:`gts.tasks.intake.bio`:

- A text is kept character for character. An empty list says that there is nothing to find; a row that says
  nothing is no labelled row.
- Each type must be in two texts. Types that the task declares are the only ones; else those found are
  taken, and types and roles that only the test has are noted and count as missed.
- A text that comes again with the same marks is read once. With other marks, the ones that most of its rows
  have are kept (of equally many the first), with a note; rows of relation tasks are put together instead,
  since many files have one relation a row.
- A relation type called "Other", "no_relation", "NA", "unknown" or alike says that no relation holds,
  unless the task declares it: its entities are kept, the relation is not.
- Entities are given where the task says so; else where such a type was found and each row has exactly one
  relation (as in SemEval-2010 task 8: two marked nominals, and a class); else where each labelled row has
  ``entities`` and so has each unlabelled one. Without ``entities`` in a row its heads and tails are the
  entities.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gts.tasks.dataset import Origin
from gts.tasks.intake import kinds
from gts.tasks.intake.faults import ColumnFault, Fault
from gts.tasks.intake.fields import TEXT_NAMES, find_key
from gts.tasks.intake.marks import Annotated, annotated, marked_text
from gts.tasks.intake.records import Desk, Record, RowForms, records
from gts.tasks.intake.tools import listed_row, plain_rows
from gts.tasks.intake.unseen import Unseen
from gts.tasks.problems import Place
from gts.tasks.rows import MarkedRow, RowTask
from gts.tasks.schema import EventType
from gts.tasks.source import Source
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Structure
from gts.tasks.text import same_text_key
from gts.tasks.wording import counted, listing, quote

_LISTS = {"ner": "entities", "relation": "relations", "event": "events"}
_KINDS = {"ner": kinds.ENTITY, "relation": kinds.RELATION, "event": kinds.EVENT}
_DECLARED = {kinds.ENTITY: "entities", kinds.RELATION: "relations", kinds.EVENT: "events"}
_READ = {"ner": ("entities",), "relation": ("entities", "relations"), "event": ("events",)}
_ALL_LISTS = ("entities", "relations", "events")
_NAMES = {*TEXT_NAMES, *_ALL_LISTS, "label", "labels", "spans", "data"}


def read_extraction(
    desk: Desk, examples: Sequence[Source], unlabeled: Sequence[Source], test: Sequence[Source]
) -> RowTask:
    """Read the data of an extraction task.

    Raises:
        DataError: Something is wrong with it.
        TooLarge: A source is over a limit.
    """
    gold = list(labelled_rows(desk, examples, "examples"))
    tested = list(labelled_rows(desk, test, "test"))
    texts = list(_unlabelled(desk, unlabeled))
    spec, title = desk.spec, ", ".join(source.title for source in examples)
    given = spec.type == "relation" and _given(desk, gold, texts)
    if spec.type == "relation":
        gold, tested = entities_filled(desk, gold, given), entities_filled(desk, tested, given)
        gold, tested = without_no_relation(desk, gold), without_no_relation(desk, tested)
        gold, tested = _put_together(desk, gold, given), _put_together(desk, tested, given)
    else:
        gold = _each_once(desk, gold)
    spec = _filled(desk, gold, tested, title)
    if spec.type == "relation":
        spec = spec.evolve(entities_given=given)
    unseen = Unseen(desk.notes)
    gold_texts = {same_text_key(row.text) for row in gold}
    kept = unseen.test(tested, _text_key, gold_texts)
    if tested and not kept:
        mend = "give texts that are not among the examples, or leave the test out"
        desk.problems.add(
            Place(", ".join(source.title for source in test)),
            "every test text is also among the examples",
            mend,
        )
    if given:
        _not_too_many(desk, (*gold, *tested, *texts))
    desk.problems.raise_if_any()
    known = gold_texts | {same_text_key(row.text) for row in kept}
    if given:
        texts = _with_entities(desk, texts)
    pool = unseen.pool(texts, lambda row: (_text_key(row), row.entities), lambda row: _text_key(row) in known)
    return RowTask(
        spec,
        tuple(marked_row(row, given) for row in gold),
        tuple(MarkedRow(row.text, None, row.entities or () if given else (), Origin.POOL) for row in pool),
        tuple(marked_row(row, given) for row in kept),
    )


def _not_too_many(desk: Desk, rows: Iterable[Annotated]) -> None:
    """Each pair of given entities is looked at, so that many of them would take all memory."""
    most = desk.limits.given_entities
    for row in rows:
        if len(row.entities or ()) > most:
            desk.problems.add(
                row.place,
                f"the text {quote(row.text)} has {len(row.entities or ())} entities; at most {most} are accepted",
                "split the text, or leave out entities between which nothing can hold",
            )


def _text_key(row: Annotated) -> str:
    return same_text_key(row.text)


def marked_row(row: Annotated, given: bool) -> MarkedRow:
    """A checked row as stages know it."""
    entities = row.entities or ()
    found = Structure(() if given else entities, row.relations or (), row.events or ()).ordered()
    return MarkedRow(row.text, found, tuple(sorted(entities)) if given else ())


def _headerless(table: Sequence[Sequence[str]], labelled: bool) -> Sequence[str] | None:
    """Columns of a table without a header: of unlabelled texts if it is the only one."""
    return ("text",) if not labelled and len(table[0]) == 1 else None


def marked_records(desk: Desk, sources: Sequence[Source], role: str, *, labelled: bool) -> Iterator[Record]:
    """The records of sources in any form that texts with marks may have."""
    forms = RowForms(_NAMES, _headerless, listed_row, tagged=desk.spec.type == "ner")
    return records(desk, sources, role, forms, labelled=labelled)


def plain_rows_of(
    desk: Desk, place: Place, values: Mapping[str, Any] | str, *, labelled: bool
) -> Iterator[dict[str, Any]]:
    """The plain rows of a record, their texts under ``text`` and only the lists that the task is about."""
    if isinstance(values, str):
        yield {"text": values}
        return
    if labelled and desk.columns.label:
        marks = find_key(tuple(values), (), desk.columns.label, "label")
        values = {**values, _LISTS[desk.spec.type]: values.get(marks or "")}
    for row in plain_rows(values, place, desk.mended):
        key = _text_key_of(row, desk.columns.text, labelled=labelled)
        if key is None:
            raise Fault(
                f"the row has no text; its keys are {listing(row)}",
                "write it under 'text', or name text_column",
            )
        lists = {name: row[name] for name in _READ[desk.spec.type] if name in row}
        yield {**lists, "text": row[key]}


def _text_key_of(row: Mapping[str, Any], wanted: str | None, *, labelled: bool) -> str | None:
    try:
        return find_key(tuple(row), TEXT_NAMES, wanted, "text")
    except ColumnFault:
        if labelled:
            raise
        return find_key(tuple(row), TEXT_NAMES, None, "text")  # the name is that of the examples' column


def labelled_rows(desk: Desk, sources: Sequence[Source], role: str) -> Iterator[Annotated]:
    """Texts with what is marked in them; what is wrong becomes a problem."""
    for place, values in marked_records(desk, sources, role, labelled=True) if sources else ():
        try:
            for row in plain_rows_of(desk, place, values, labelled=True):
                _refuse_unlabelled(desk, row)
                text = marked_text(row["text"], desk.limits)
                typed = desk.spec.type == "ner"
                yield annotated(row, text, place, desk.limits, desk.mended, typed=typed)
        except Fault as fault:
            desk.refuse(place, fault)


def _refuse_unlabelled(desk: Desk, row: Mapping[str, Any]) -> None:
    name = _LISTS[desk.spec.type]
    if row.get(name) is None and (desk.spec.type != "relation" or row.get("entities") is None):
        raise Fault(
            f"the text {quote(row['text'])} has no {quote(name)}",
            f'write "{name}": [] where there is nothing to find, or move the text to the unlabelled file',
        )


def _unlabelled(desk: Desk, sources: Sequence[Source]) -> Iterator[Annotated]:
    """Texts without marks; those that cannot be used are left out, for nothing is lost with them."""
    with_entities = desk.spec.type == "relation" and desk.spec.entities_given is not False
    for place, values in marked_records(desk, sources, "unlabelled texts", labelled=False) if sources else ():
        try:
            for row in plain_rows_of(desk, place, values, labelled=False):
                try:
                    text = marked_text(row["text"], desk.limits)
                except Fault:
                    desk.mended.add(
                        "unlabelled rows left out whose text is empty, too long or damaged", place
                    )
                    continue
                given = {"entities": row.get("entities")} if with_entities else {}
                yield annotated(given, text, place, desk.limits, desk.mended)
        except Fault as fault:
            desk.refuse(place, fault)


def _no_relation_types(desk: Desk, rows: Iterable[Annotated]) -> list[str]:
    names = {found.type for row in rows for found in row.relations or ()}
    return sorted(name for name in names if name not in desk.spec.relations and kinds.is_no_relation(name))


def _given(desk: Desk, gold: Sequence[Annotated], pool: Sequence[Annotated]) -> bool:
    """Whether entities come with every text, by the rules above."""
    if desk.spec.entities_given is not None or not gold:
        return bool(desk.spec.entities_given)
    if _no_relation_types(desk, gold) and all(len(row.relations or ()) == 1 for row in gold):
        reason, given = "each example has one relation, of some no relation holds", True
    elif all(row.entities is not None for row in gold):
        given = all(row.entities is not None for row in pool)
        reason = "the examples have `entities`" + ("" if given else ", but not all unlabelled texts")
    else:
        reason, given = "not every example has `entities`", False
    where = "come with each text and are not looked for" if given else "are looked for in each text"
    other = "false" if given else "true"
    desk.notes.append(f"entities {where} ({reason}); `entities_given: {other}` changes that")
    return given


def entities_filled(desk: Desk, rows: Iterable[Annotated], given: bool) -> list[Annotated]:
    """Rows that have entities: their own, else the heads and tails of their relations."""
    found = []
    for row in rows:
        entities = row.entities
        if entities is None:
            entities = tuple(sorted({end for one in row.relations or () for end in (one.head, one.tail)}))
        if given and not entities:
            desk.problems.add(
                row.place,
                f"the text {quote(row.text)} has no entities; in this task they come with each text",
                "give its entities, or set entities_given: false",
            )
        found.append(replace(row, entities=entities))
    return found


def without_no_relation(desk: Desk, rows: Sequence[Annotated]) -> list[Annotated]:
    """Rows without the relations that say that none holds."""
    names = _no_relation_types(desk, rows)
    if not names:
        return list(rows)
    desk.notes.append(
        f"{listing(names)} was read as: no relation holds; declare it in the task's relations if it is one"
    )
    return [
        replace(row, relations=tuple(found for found in row.relations or () if found.type not in names))
        for row in rows
    ]


def _put_together(desk: Desk, rows: Sequence[Annotated], given: bool) -> list[Annotated]:
    """Rows of one text (and the same given entities) as one row with the marks of all."""
    groups: dict[Hashable, list[Annotated]] = defaultdict(list)
    for row in rows:
        groups[(row.text, row.entities if given else None)].append(row)
    found = []
    for group in groups.values():
        entities = {span for row in group for span in row.entities or ()}
        relations = {one for row in group for one in row.relations or ()}
        found.append(replace(group[0], entities=tuple(sorted(entities)), relations=tuple(sorted(relations))))
        for row in group[1:]:
            desk.mended.add("rows with the text of an earlier one put together with it", row.place)
    return found


def _each_once(desk: Desk, rows: Sequence[Annotated]) -> list[Annotated]:
    """Each text once, with the marks that most of its rows have."""
    groups: dict[str, list[Annotated]] = defaultdict(list)
    for row in rows:
        groups[row.text].append(row)
    found = []
    repeated = 0
    for group in groups.values():
        marks = Counter((row.entities, row.events) for row in group)
        common = marks.most_common(1)[0][0]
        kept = next(row for row in group if (row.entities, row.events) == common)
        found.append(kept)
        repeated += len(group) - 1 if len(marks) == 1 else 0
        for row in group if len(marks) > 1 else ():
            if (row.entities, row.events) != common:
                desk.mended.add(
                    "rows left out whose text has other marks elsewhere (the commonest are kept, else the first)",
                    row.place,
                )
    if repeated:
        desk.notes.append(f"{counted(repeated, 'repeated example')} with the same text and marks removed")
    return found


def _filled(desk: Desk, gold: Sequence[Annotated], test: Sequence[Annotated], title: str) -> TaskSpec:
    """The task with its types, after they were checked."""
    spec, kind, problems = desk.spec, _KINDS[desk.spec.type], desk.problems
    declared: Collection[str] = getattr(spec, _DECLARED[kind])
    if declared:
        kinds.check_known([*gold, *test], kind, declared, "declared in the task", problems)
    names = tuple(declared) or kinds.found_types(gold, kind)
    _note_missed(desk, f"{kind} types", set(kinds.found_types(test, kind)) - set(names))
    if not problems.found:  # broken rows would make every count wrong
        if not names:
            mend = "mark at least two texts"
            problems.add(Place(title), f"no {kind} is marked in any example; some were expected", mend)
        kinds.check_counts(desk, gold, kind, names, title)
    if kind == kinds.ENTITY:
        return spec.evolve(entities=kinds.filled_entities(spec.entities, names))
    if kind == kinds.EVENT:
        events = kinds.filled_events(spec.events, names, gold)
        kinds.check_roles(gold, events, "declared in the task", problems)
        _note_missed(desk, "roles", _unknown_roles(events, test))
        return spec.evolve(events=events)
    kinds.check_ends([*gold, *test], spec.relations, problems)
    if spec.entities:
        kinds.check_known([*gold, *test], kinds.ENTITY, spec.entities, "declared in the task", problems)
    return spec.evolve(
        relations=kinds.filled_relations(spec.relations, names),
        entities=kinds.filled_entities(spec.entities, kinds.found_types(gold, kinds.ENTITY)),
    )


def _unknown_roles(events: Mapping[str, EventType], rows: Iterable[Annotated]) -> set[str]:
    return {
        part.role
        for row in rows
        for event in row.events or ()
        for part in event.arguments
        if event.type in events and part.role not in events[event.type].roles
    }


def _note_missed(desk: Desk, what: str, names: Collection[str]) -> None:
    if names:
        desk.notes.append(
            f"the test has {what} that no example has ({listing(sorted(names))}): they count as missed"
        )


def _with_entities(desk: Desk, rows: Iterable[Annotated]) -> list[Annotated]:
    """Unlabelled texts between whose entities a relation may hold."""
    kept = []
    for row in rows:
        if len({(span.start, span.end) for span in row.entities or ()}) > 1:
            kept.append(row)
        else:
            desk.mended.add("unlabelled texts left out that do not come with two entities", row.place)
    return kept
