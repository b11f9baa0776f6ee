"""From sources to a checked task, for every type but classification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gts.core.errors import InvalidInput
from gts.tasks.building import Sources
from gts.tasks.columns import Columns
from gts.tasks.intake.extraction import read_extraction
from gts.tasks.intake.kinds import check_declared
from gts.tasks.intake.pairs import read_pairs
from gts.tasks.intake.records import Desk
from gts.tasks.intake.summaries import read_summaries
from gts.tasks.language import UNKNOWN, find_language
from gts.tasks.limits import DEFAULT_LIMITS, Limits
from gts.tasks.problems import Problems
from gts.tasks.rows import RowTask, texts_of
from gts.tasks.source import Source
from gts.tasks.spec import TaskSpec

_LOOKED_AT = 500
_LEAST_BYTES = 30
_MIXED = 0.1


def build_row_task(
    spec: TaskSpec,
    examples: Sources,
    unlabeled: Sources | None = None,
    test: Sources | None = None,
    columns: Columns | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> RowTask:
    """Read and check all data of a task.

    Args:
        spec: The task; types, scale, length and language are filled in from the data where they are open.
        examples: The labelled rows.
        unlabeled: Rows without labels; for similarity also single texts.
        test: Labelled rows that no training sees.
        columns: Names of columns, where the person gave them: ``text`` (for similarity two, joined by ``+``)
            and ``label`` (the score, the summary, or the list of what is marked).
        limits: Bounds on what is read.

    Returns:
        The task with every later stage's invariants: spans inside their texts, on whole characters; known
        types only, each in two texts at least; no row twice in gold or pool; no test or pool text in gold.

    Raises:
        DataError: Something is wrong; ``details["problems"]`` lists up to ``limits.problems`` findings.
        TooLarge: A source is over a limit.
        MissingDependency: A Parquet file, and pyarrow is not installed.

    Example:
        >>> from gts.tasks.source import RowSource
        >>> rows = [{"text": f"{name} wrote", "entities": [[0, 3, "person"]]} for name in ("Ada", "Max")]
        >>> list(build_row_task(TaskSpec(name="names", type="ner"), RowSource(rows)).spec.entities)
        ['person']
    """
    desk = Desk(spec, columns or Columns(), limits, Problems(limits.problems))
    gold, pool, tested = _as_list(examples), _as_list(unlabeled), _as_list(test)
    if not gold:
        mend = "give a file, pasted text or rows"
        raise InvalidInput("the task has no examples; some were expected", mend=mend, field="examples")
    if desk.columns.separator:
        raise InvalidInput(
            f"label_separator is given; a task of type {spec.type} has no labels to separate",
            mend="leave it out",
            field="label_separator",
        )
    check_declared(spec, limits)
    if spec.type == "similarity":
        return _finished(desk, read_pairs(desk, gold, pool, tested))
    if spec.type == "summarization":
        return _finished(desk, read_summaries(desk, gold, pool, tested))
    return _finished(desk, read_extraction(desk, gold, pool, tested))


def _as_list(sources: Sources | None) -> list[Source]:
    if sources is None:
        return []
    return list(sources) if isinstance(sources, Sequence) else [sources]


def _finished(desk: Desk, data: RowTask) -> RowTask:
    """The task with its language, and with all notes."""
    gold = [text for row in data.gold for text in texts_of(row)]
    texts = [
        *gold,
        *(text for row in data.pool[:_LOOKED_AT] for text in texts_of(row)),
        *data.sentences[:_LOOKED_AT],
    ]
    language = data.spec.language or find_language(texts)
    if language == UNKNOWN:
        desk.notes.append("the language was not recognised; give it as `language` if you know it")
    desk.notes.extend(_mixed(texts, language))
    notes = tuple(dict.fromkeys([*desk.notes, *desk.mended.notes()]))
    return RowTask(
        data.spec.evolve(language=language), data.gold, data.pool, data.test, data.sentences, notes
    )


def _mixed(texts: Sequence[str], language: str) -> list[str]:
    """A note if a good part of the texts is in another language than the rest."""
    step = -(-len(texts) // _LOOKED_AT)
    # In bytes, since a Chinese character says as much as a short word.
    long = (text for text in texts[:: step or 1] if len(text.encode("utf-8", "replace")) >= _LEAST_BYTES)
    found = Counter(find_language([text]) for text in long)
    del found[UNKNOWN]
    total = found.total()
    shares = {code: count / total for code, count in found.most_common()}
    if sum(share >= _MIXED and found[code] > 1 for code, share in shares.items()) < 2:
        return []
    listed = ", ".join(f"{code} {share:.0%}" for code, share in shares.items() if share >= _MIXED)
    treated = f"the task is treated as one of {language!r}, which `language` changes"
    return [f"the texts are in several languages ({listed}); {treated}; a task for each often does better"]
