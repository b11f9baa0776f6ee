"""From sources to a checked task: the one path for command line, REST and web form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gts.core.errors import DataError, InvalidInput
from gts.tasks.cells import label_fault
from gts.tasks.checking import (
    PlacedExample,
    RawExample,
    check_balance,
    check_known,
    checked_examples,
    checked_text,
    clean_pool,
    find_multi_label,
    find_separator,
    label_notes,
    label_order,
    length_notes,
    unseen_test,
    without_duplicates,
)
from gts.tasks.columns import Columns, Mapping, map_columns
from gts.tasks.dataset import TaskData
from gts.tasks.language import UNKNOWN, find_language
from gts.tasks.limits import DEFAULT_LIMITS, Limits
from gts.tasks.problems import Place, Problems
from gts.tasks.reading import read_rows
from gts.tasks.source import Source
from gts.tasks.spec import TaskSpec
from gts.tasks.text import clean_text, is_blank
from gts.tasks.wording import counted, listing, quote

Sources = Source | Sequence[Source]

_GUESSED = (
    "no labelled examples: the unlabelled texts that speak most clearly for a label, by its name and description, are taken "
    "for examples; how often the student is right can only be told with a test file"
)


def build_task(
    spec: TaskSpec,
    examples: Sources | None,
    unlabeled: Sources | None = None,
    test: Sources | None = None,
    columns: Columns | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> TaskData:
    """Read and check all data of a task.

    Args:
        spec: The task; labels, multi_label and language are filled in from the data where they are open.
        examples: The labelled examples; there may be none where the task declares its labels and has unlabelled texts,
            from which examples are then guessed.
        unlabeled: Texts without labels.
        test: Labelled texts that no training sees.
        columns: Column names and label separator, where the person gave them.
        limits: Bounds on what is read.

    Returns:
        The task with every later stage's invariants: known labels only, at least two examples of each or none at all, no text
        twice in gold or pool, no test or pool text equal to a gold text.

    Raises:
        DataError: Something is wrong; ``details["problems"]`` lists up to ``limits.problems`` findings.
        TooLarge: A source is over a limit.
        MissingDependency: A Parquet file, and pyarrow is not installed.

    Example:
        >>> from gts.tasks.source import RowSource
        >>> rows = [{"text": f"{word} {n}", "label": word} for word in ("up", "down") for n in range(2)]
        >>> build_task(TaskSpec(name="lift"), RowSource(rows)).labels
        ('down', 'up')
    """
    return _Builder(spec, columns or Columns(), limits).build(
        _as_list(examples), _as_list(unlabeled), _as_list(test)
    )


def may_guess(spec: TaskSpec) -> bool:
    """Whether a task declares enough to do without examples."""
    return spec.type == "classification" and len(spec.labels) > 1 and not spec.multi_label


def _as_list(sources: Sources | None) -> list[Source]:
    if sources is None:
        return []
    return list(sources) if isinstance(sources, Sequence) else [sources]


def _titles(sources: Sequence[Source]) -> str:
    return ", ".join(source.title for source in sources)


@dataclass
class _Builder:
    """What one build needs everywhere: the wishes, the bounds, and where findings go."""

    spec: TaskSpec
    columns: Columns
    limits: Limits
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems = Problems(self.limits.problems)

    def build(self, examples: list[Source], unlabeled: list[Source], test: list[Source]) -> TaskData:
        self._check_wishes(examples, unlabeled)
        raw_gold = list(self._rows(examples, "examples", labelled=True))
        raw_test = list(self._rows(test, "test", labelled=True)) if test else []
        multi_label = find_multi_label(self.spec.multi_label, self.columns.separator, raw_gold)
        separator = None
        if multi_label:
            rows = raw_gold + raw_test
            separator = find_separator(self.columns.separator, self.spec.labels, rows, self.notes)
        gold = self._examples(raw_gold, "examples", multi_label, separator)
        tested = self._examples(raw_test, "test", multi_label, separator)
        labels = tuple(self.spec.labels) or label_order(name for row in gold for name in row.example.labels)
        if self.spec.labels:
            check_known(gold, labels, "declared in the task", self.problems)
        check_known(tested, labels, "the task's labels", self.problems)
        gold = without_duplicates(gold, self.problems, self.notes)
        if not examples:
            self.notes.append(_GUESSED)
        elif not self.problems.found:  # broken rows would make every count wrong
            title = _titles(examples)
            check_balance(
                gold, labels, multi_label=multi_label, file=title, limits=self.limits, problems=self.problems
            )
        pool = list(self._pool(unlabeled))
        kept_test = unseen_test(tested, (row.example for row in gold), self.notes)
        if tested and not kept_test:
            mend = "give texts that are not among the examples, or leave the test out"
            self.problems.add(Place(_titles(test)), "every test text is also among the examples", mend)
        self.problems.raise_if_any()
        return self._finish(labels, multi_label, gold, pool, kept_test)

    def _finish(
        self,
        labels: Sequence[str],
        multi_label: bool,
        gold: list[PlacedExample],
        pool: list[str],
        test: list[PlacedExample],
    ) -> TaskData:
        gold_examples = tuple(row.example for row in gold)
        test_examples = tuple(row.example for row in test)
        reserved = (example.text for example in gold_examples + test_examples)
        clean = clean_pool(pool, reserved, self.notes)
        texts = [example.text for example in gold_examples]
        language = self.spec.language or find_language([*texts, *clean[:500]])
        if language == UNKNOWN:
            self.notes.append("the language was not recognised; give it as `language` if you know it")
        described = {label: self.spec.labels.get(label, "") for label in labels}
        spec = self.spec.evolve(labels=described, multi_label=multi_label, language=language)
        notes = [*self.notes, *length_notes([*texts, *clean]), *label_notes(labels)]
        return TaskData(spec, gold_examples, clean, test_examples, tuple(dict.fromkeys(notes)))

    def _check_wishes(self, examples: list[Source], unlabeled: list[Source]) -> None:
        if not examples and not (may_guess(self.spec) and unlabeled):
            raise InvalidInput(
                "the task has no examples; some were expected",
                mend="give two texts of each label or more; or declare the labels, describe them, and give unlabelled texts",
                field="examples",
            )
        if self.columns.separator and self.spec.multi_label is False:
            raise InvalidInput(
                "label_separator is given, but multi_label is false",
                mend="set multi_label: true, or leave the separator out",
                field="label_separator",
            )
        clean = {name.strip(): text for name, text in self.spec.labels.items()}
        if len(clean) < len(self.spec.labels):
            raise InvalidInput(
                "two of the task's labels differ only in outer spaces", mend="keep one of them"
            )
        for name in clean:
            if fault := label_fault(name, self.limits):
                raise InvalidInput(
                    f"the label {quote(name)} {fault}", mend="give it a short visible name", field="labels"
                )
        if len(clean) > self.limits.labels:
            raise InvalidInput(
                f"{counted(len(clean), 'label')}; at most {self.limits.labels:,} are accepted",
                mend="split the task",
                field="labels",
            )
        self.spec = self.spec.evolve(labels=clean)

    def _examples(
        self, rows: list[RawExample], role: str, multi_label: bool, separator: str | None
    ) -> list[PlacedExample]:
        return checked_examples(
            rows,
            role=role,
            multi_label=multi_label,
            separator=separator,
            limits=self.limits,
            problems=self.problems,
        )

    def _rows(self, sources: list[Source], role: str, *, labelled: bool) -> Iterator[RawExample]:
        total = 0
        for source in sources:
            before = total
            for row in self._source_rows(source, labelled):
                total += 1
                if total > self.limits.rows:
                    message = f"more than {self.limits.rows:,} rows of {role}"
                    self.problems.stop(row.place, message, "send fewer; a few thousand are enough")
                yield row
            if total == before and not self.problems.found:
                mend = (
                    "a header alone is no data; add rows" if labelled else "add texts, or leave the file out"
                )
                self.problems.add(Place(source.title), f"0 rows of {role}", mend)

    def _source_rows(self, source: Source, labelled: bool) -> Iterator[RawExample]:
        """Text and label values of one source; columns are found for each new set of keys."""
        mappings: dict[tuple[str, ...], Mapping | None] = {}
        for line, values, unit in read_rows(
            source,
            labelled=labelled,
            columns=self.columns,
            declared=tuple(self.spec.labels),
            limits=self.limits,
            problems=self.problems,
            notes=self.notes,
        ):
            place = Place(source.title, line, unit)
            if isinstance(values, str):
                yield RawExample(place, values, None)
                continue
            keys = tuple(values)
            if keys not in mappings:
                mappings[keys] = self._mapping(keys, place, labelled, first=not mappings)
            mapping = mappings[keys]
            if mapping is not None:
                yield RawExample(place, _text_value(values, mapping), values.get(mapping.label or ""))
            else:
                self._add_keyless(place, keys)

    def _mapping(self, keys: tuple[str, ...], place: Place, labelled: bool, *, first: bool) -> Mapping | None:
        try:
            mapping = map_columns(keys, self.columns, labelled=labelled)
        except DataError as error:
            if first:  # the whole file is of this shape
                self.problems.stop(Place(place.file), error.message, error.mend)
            return None
        self.notes.extend(f"{place.file}: {note}" for note in mapping.notes)
        return mapping

    def _add_keyless(self, place: Place, keys: tuple[str, ...]) -> None:
        message = f"the row has no text or no label; its keys are {listing(keys)}"
        self.problems.add(place, message, "write the same keys as in the first row")

    def _pool(self, sources: list[Source]) -> Iterator[str]:
        """Unlabelled texts; empty ones are left out, for nothing is lost with them."""
        empty = 0
        for row in self._rows(sources, "unlabelled texts", labelled=False):
            if row.text is None or (isinstance(row.text, str) and is_blank(clean_text(row.text))):
                empty += 1
                continue
            text = checked_text(row.text, row.place, self.limits, self.problems, "unlabelled texts")
            if text is not None:
                yield text
        if empty:
            self.notes.append(f"{counted(empty, 'unlabelled row')} without text left out")


def _text_value(values: dict[str, Any], mapping: Mapping) -> Any:
    if len(mapping.text) == 1:
        return values.get(mapping.text[0])
    parts = [values.get(column) for column in mapping.text]
    return "\n".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
