"""From the form to a checked task and back: what a person typed, what was understood, which field is wrong."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gts.core.errors import DataError, InvalidInput
from gts.orchestrator.site_models import check_models
from gts.platform.pages.languages import ENGLISH, Language
from gts.platform.pages.wording import sentence
from gts.platform.uploads import Upload
from gts.tasks.columns import Columns, map_columns
from gts.tasks.dataset import Example, TaskData
from gts.tasks.limits import DEFAULT_LIMITS
from gts.tasks.problems import Problems
from gts.tasks.reading import read_rows
from gts.tasks.row_forms import as_given
from gts.tasks.saving import AnyTask
from gts.tasks.source import FileSource, Source, TextSource
from gts.tasks.spec import EMBEDDED
from gts.tasks.taskfile import load_task_document
from gts.tasks.wording import counted

DATA_FIELDS = {"examples": "labelled examples", "unlabeled": "unlabelled texts", "test": "test texts"}
LIMITS = ("seconds", "tokens", "money", "questions")
PLAIN_FIELDS = ("name", "type", "labels", "entities_given", "language", "tier", *LIMITS, "models")
TEACHES, WRITES = "teaches:", "writes:"
"""A box for each language model: whether it labels texts, and whether it writes some."""
_ECHOED_CHARS = 400_000  # more than this is not sent back to the browser to be edited
_ECHOED_LABELS = 200


@dataclass(frozen=True)
class FieldProblem:
    """Something wrong with a field of the form."""

    where: str
    message: str
    mend: str


@dataclass(frozen=True)
class Form:
    """The form as it is shown: values by field, and what is wrong with them.

    Attributes:
        values: What stands in each field.
        problems: What is wrong, by field; under ``""`` what belongs to none.
        kept_out: Fields whose content is too long to be shown, or came as files, in words.
    """

    values: Mapping[str, str]
    problems: Mapping[str, Sequence[FieldProblem]]
    kept_out: Mapping[str, str]


EMPTY_FORM = Form({}, {}, {})


_TYPES_FIELD = {"classification": "labels", "ner": "entities", "relation": "relations", "event": "events"}
"""Task type to the key of a task that the field of labels fills."""
_BARE_ROWS = {
    "similarity": frozenset({"text_a", "text_b"}),
    **dict.fromkeys(("ner", "relation", "event"), frozenset({"text"})),
}
"""Task type to the keys of a row that nobody has labelled yet, where the page has a panel to label rows."""


def read_form(upload: Upload) -> AnyTask:
    """Check what the form brought; pasted text and files of one field are read together.

    Raises:
        InvalidInput: The task or its data is wrong; :func:`faulty_form` says which field.
    """
    fields = upload.fields
    document: dict[str, Any] = {key: fields[key].strip() for key in ("name", "language") if key in fields}
    task_type = document["type"] = fields.get("type", "").strip() or "classification"
    if key := _TYPES_FIELD.get(task_type):
        document[key] = fields.get("labels", "")
    if task_type == "relation":
        document["entities_given"] = fields.get("entities_given", "")
    document["teachers"] = _named(fields, TEACHES)
    document["generators"] = [EMBEDDED, *_named(fields, WRITES)]
    if tier := fields.get("tier", "").strip():
        document["student"] = {"tier": tier}
    document["budget"] = {name: limit for name in LIMITS if (limit := fields.get(name, "").strip())}
    labelled, bare = set_apart(fields.get("examples", ""), task_type)
    upload = replace(upload, fields={**fields, "examples": labelled})
    sources = {field: _sources(upload, field) for field in DATA_FIELDS}
    if bare:
        sources["unlabeled"].append(TextSource(bare, "labelled examples without labels"))
    examples, unlabeled, test = (sources[field] or None for field in ("examples", "unlabeled", "test"))
    data = load_task_document(document, examples=examples, unlabeled=unlabeled, test=test)
    check_models(data.spec)
    if not isinstance(data, TaskData):
        count = len(bare.splitlines())
        note = f"{counted(count, 'row')} among the examples without marks or answer read as unlabelled"
        return replace(data, notes=(note, *data.notes)) if bare else data
    notes = [note for field, found in sources.items() for note in _column_notes(field, found, data)]
    return replace(data, notes=(*notes, *data.notes))


def set_apart(pasted: str, task_type: str) -> tuple[str, str]:
    r"""Pasted examples without the JSON lines that nobody has labelled yet, and these.

    Somebody who labels on the page goes through a list of texts and may stop before its end. Lines that are
    taken out leave empty ones behind, so that messages name the lines the person sees.

    Example:
        >>> set_apart('{"text": "a"}\n{"text": "b", "entities": []}', "ner")
        ('\n{"text": "b", "entities": []}', '{"text": "a"}')
    """
    bare_keys = _BARE_ROWS.get(task_type)
    lines = pasted.split("\n") if bare_keys else [pasted]
    are_bare = [bare_keys is not None and _keys(line) == bare_keys for line in lines]
    labelled = ("" if is_bare else line for line, is_bare in zip(lines, are_bare, strict=True))
    bare = (line for line, is_bare in zip(lines, are_bare, strict=True) if is_bare)
    return "\n".join(labelled), "\n".join(bare)


def _keys(line: str) -> set[str]:
    """The keys of a line that is a JSON object; none of any other."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return set()
    return set(value) if isinstance(value, dict) else set()


def _named(fields: Mapping[str, str], prefix: str) -> list[str]:
    """Language models whose box is ticked."""
    return [field.removeprefix(prefix) for field in fields if field.startswith(prefix)]


def faulty_form(upload: Upload, error: InvalidInput, language: Language = ENGLISH) -> Form:
    """The form again, with what is wrong beside the fields."""
    values = {field: "on" for field in upload.fields if field.startswith((TEACHES, WRITES))}
    kept_out = {}
    for field in (*PLAIN_FIELDS, *DATA_FIELDS):
        value = upload.fields.get(field, "")
        if len(value) <= _ECHOED_CHARS:
            values[field] = value
        else:
            kept_out[field] = language.gettext(
                "%(num)s pasted characters; please paste them again", num=f"{len(value):,}"
            )
    for field in DATA_FIELDS:
        if names := [path.name for path in upload.files.get(field, ())]:
            kept_out[field] = language.ngettext(
                "%(names)s; please choose it again",
                "%(names)s; please choose them again",
                len(names),
                names=language.gettext(", ").join(names),
            )
    return Form(values, problems_by_field(upload, error, language), kept_out)


def problems_by_field(
    upload: Upload, error: InvalidInput, language: Language = ENGLISH
) -> dict[str, list[FieldProblem]]:
    """What an error says, by the form's fields."""
    titles = {source.title: field for field in DATA_FIELDS for source in _sources(upload, field)}
    found: defaultdict[str, list[FieldProblem]] = defaultdict(list)
    problems = error.details.get("problems")
    if isinstance(error, DataError) and isinstance(problems, list):
        for problem in problems:
            file, line = problem.get("file"), problem.get("line")
            named = str(file) if file and upload.files.get(titles.get(file, "")) else ""
            where = named
            if line is not None:
                at = f"{line:,}"
                where = (
                    language.gettext("%(file)s, line %(line)s", file=named, line=at)
                    if named
                    else language.gettext("Line %(line)s", line=at)
                )
            found[titles.get(file, "examples")].append(
                FieldProblem(where, sentence(str(problem["message"])), sentence(str(problem["mend"])))
            )
        return dict(found)
    field, _, part = str(error.details.get("field", "")).partition(".")
    field = titles.get(str(error.details.get("file")), field)
    field = {
        "student": "tier",
        "budget": part or "seconds",
        **dict.fromkeys(("multi_label", "entities", "relations", "events"), "labels"),
    }.get(field, field)
    known = field if field in (*PLAIN_FIELDS, *DATA_FIELDS) else ""
    found[known].append(FieldProblem("", sentence(error.message), sentence(error.mend)))
    return dict(found)


def form_of(data: AnyTask, language: Language = ENGLISH) -> Form:
    """The form filled with a checked task, so that it can be changed."""
    spec = data.spec
    named = {
        name: kind.description
        for kinds in (spec.relations or spec.entities, spec.events)
        for name, kind in kinds.items()
    }
    described = {**spec.labels, **named}
    labels = "\n".join(f"{name}: {text}" if text else name for name, text in described.items())
    values = {
        "name": spec.name,
        "type": spec.type,
        "labels": labels,
        "language": spec.language or "",
        "tier": spec.student.tier,
        "entities_given": "" if spec.entities_given is None else str(spec.entities_given).lower(),
    }
    limits = ((name, getattr(spec.budget, name)) for name in LIMITS)
    values |= {name: "" if limit is None else f"{limit:.10g}" for name, limit in limits}
    values |= {f"{TEACHES}{name}": "on" for name in spec.teachers}
    values |= {f"{WRITES}{name}": "on" for name in spec.generators if name != EMBEDDED}
    kept_out = {}
    texts = _texts(data)
    for field, text in texts.items():
        if len(text) <= _ECHOED_CHARS:
            values[field] = text
        else:
            kept_out[field] = language.gettext(
                "%(num)s characters; please give them again", num=f"{len(text):,}"
            )
    return Form(values, {}, kept_out)


def _texts(data: AnyTask) -> dict[str, str]:
    """The data of a task as it can be pasted."""
    if isinstance(data, TaskData):
        return {
            "examples": rows_text(data.gold, multi_label=data.multi_label),
            "unlabeled": lines_text(data.pool),
            "test": rows_text(data.test, multi_label=data.multi_label),
        }
    groups = {"examples": data.gold, "unlabeled": data.pool, "test": data.test}
    texts = {
        field: "\n".join(json.dumps(as_given(row, data.spec.type), ensure_ascii=False) for row in rows)
        for field, rows in groups.items()
    }
    if data.sentences:
        own = lines_text(data.sentences)
        texts["unlabeled"] = "\n".join(filter(None, (texts["unlabeled"], own)))
    return texts


def rows_text(examples: Iterable[Example], *, multi_label: bool) -> str:
    """Examples as they can be pasted: text, tab, label, or JSON lines where a text would not survive that.

    Example:
        >>> rows_text([Example("where is it?", ("delivery",))], multi_label=False)
        'where is it?\\tdelivery'
    """
    rows = list(examples)
    plain = not multi_label and all(
        not any(mark in part for mark in '\t\n\r"') for row in rows for part in (row.text, *row.labels)
    )
    if plain:
        return "\n".join(f"{row.text}\t{row.labels[0]}" for row in rows)
    key = "labels" if multi_label else "label"
    return "\n".join(
        json.dumps(
            {"text": row.text, key: list(row.labels) if multi_label else row.labels[0]}, ensure_ascii=False
        )
        for row in rows
    )


def lines_text(texts: Sequence[str]) -> str:
    """Texts as they can be pasted: one a line, or JSON lines where a text has several lines.

    Example:
        >>> lines_text(["one", "two"])
        'one\\ntwo'
    """
    if any(mark in text for text in texts for mark in "\n\r"):
        return "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts)
    return "\n".join(texts)


def _sources(upload: Upload, field: str) -> list[Source]:
    files = [FileSource(path, path.name) for path in upload.files.get(field, ())]
    pasted = upload.fields.get(field, "")
    return [*files, *([TextSource(pasted, f"pasted {DATA_FIELDS[field]}")] if pasted.strip() else [])]


def _column_notes(field: str, sources: Sequence[Source], data: TaskData) -> list[str]:
    """Which columns were read; only for what was read without fault."""
    notes = []
    for source in sources:
        guesses: list[str] = []
        rows = read_rows(
            source,
            labelled=field != "unlabeled",
            columns=Columns(),
            declared=data.labels,
            limits=DEFAULT_LIMITS,
            problems=Problems(DEFAULT_LIMITS.problems),
            notes=guesses,
        )
        first = next(iter(rows), None)
        if first is None or isinstance(first.values, str) or guesses:
            continue  # lines of text, or no header: the notes of the reading say so
        mapping = map_columns(tuple(first.values), Columns(), labelled=field != "unlabeled")
        names = " and ".join(f"“{name}”" for name in mapping.text)
        label = f", label from “{mapping.label}”" if mapping.label is not None else ""
        notes.append(f"{source.title}: text from {names}{label}")
    return notes
