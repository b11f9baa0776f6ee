"""The generator of a stage by its name: one that is always there, or a language model of the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from gts.core.errors import InvalidInput
from gts.core.fingerprint import fingerprint
from gts.core.llm.entries import find
from gts.core.llm.entry import ModelEntry
from gts.core.llm.tokens import LocalTokenModel
from gts.core.llm.transformers_backend import TransformersBackend, load_causal
from gts.generator.checks import Embed
from gts.generator.llm import Brief, LLMConfig, LLMGenerator
from gts.generator.mcts import MCTSConfig, MCTSGenerator
from gts.generator.protocol import REGISTRY, Generator, PoolWeights, make_generator
from gts.generator.tuning import TuneOptions, documents, tune
from gts.generator.wording import read_wording
from gts.generator.writing import line_prefix
from gts.orchestrator.stages.language_models import Asking, OpenModel, open_model
from gts.tasks.dataset import Example, TaskData

_Options = TypeVar("_Options", MCTSConfig, TuneOptions)


@dataclass(frozen=True)
class Writer:
    """A generator, and the accounts of what it took where it asks a language model."""

    generator: Generator
    accounts: Callable[[], list[dict[str, Any]]] = list


@dataclass(frozen=True)
class Corpus:
    """The user's texts of a fold, as far as a generator may see them."""

    gold: Sequence[Example]
    pool: Sequence[str]
    weights: PoolWeights | None


def make_writer(
    data: TaskData, params: Mapping[str, Any], corpus: Corpus, embed: Embed, report: Callable[[float], None]
) -> Writer:
    """The generator that a stage's parameters name.

    Args:
        data: The task.
        params: ``generator`` (its name); for language models ``schema`` (whether they keep to one), ``tokens`` and ``money``
            (what may be spent, or None).
        corpus: What a model that is tuned learns from.
        embed: The teachers' space, for a search.
        report: Told the fraction that is done of each row of calls.

    Raises:
        NotFound: There is no such generator here.
        MissingDependency: The language model's package, key or weights are not at hand.
    """
    name = params["generator"]
    if name in REGISTRY:
        return Writer(make_generator(name))
    entry = find(name)
    if entry.search is not None:
        return _searching(entry, entry.search, embed)
    spec = data.spec
    described = {label: spec.labels.get(label, "") for label in data.labels}
    brief = Brief(spec.name, described, spec.language, data.multi_label)
    config = LLMConfig(chat=entry.chat and entry.tune is None, schema=params["schema"])
    model = (
        open_model(name)
        if entry.tune is None
        else _tuned(entry, entry.tune, corpus, brief, spec.seed, report)
    )
    asking = Asking(model, params["tokens"], params["money"], report)
    return Writer(LLMGenerator(name, asking, brief, config), lambda: [asking.account()])


def _searching(entry: ModelEntry, options: Mapping[str, Any], embed: Embed) -> Writer:
    model = LocalTokenModel(entry)
    generator = MCTSGenerator(entry.name, model, embed, search_config(options))

    def accounts() -> list[dict[str, Any]]:
        nothing = {"calls": 0, "money": 0.0, "paid": 0.0, "cached": 0, "seconds": 0.0, "faults": {}}
        return [{"model": entry.name, "tokens": model.evaluated, **nothing}]

    return Writer(generator, accounts)


def _tuned(
    entry: ModelEntry,
    options: Mapping[str, Any],
    corpus: Corpus,
    brief: Brief,
    seed: int,
    report: Callable[[float], None],
) -> OpenModel:
    wording = read_wording(brief.language)
    texts = documents(
        corpus.gold, corpus.pool, corpus.weights, lambda labels: line_prefix(wording, labels), seed
    )
    tuned_by = tune_options(options)
    model, tokenizer = load_causal(entry)
    loaded = tune(model, tokenizer, texts, tuned_by, seed, report), tokenizer
    # Its answers are another model's: they are kept under what it has learnt.
    learnt = fingerprint({"of": entry.identity(), "texts": texts, "options": asdict(tuned_by), "seed": seed})
    named = entry.model_copy(update={"model": f"{entry.model} tuned {learnt}"})
    return OpenModel(named, TransformersBackend(named, loaded))


def search_config(options: Mapping[str, Any]) -> MCTSConfig:
    """The options of a search, as the file of models gives them.

    Raises:
        InvalidInput: One is unknown, of the wrong kind or out of range.
    """
    return _options(MCTSConfig, options, "search")


def tune_options(options: Mapping[str, Any]) -> TuneOptions:
    """The options of tuning, as the file of models gives them.

    Raises:
        InvalidInput: One is unknown, of the wrong kind or out of range.
    """
    return _options(TuneOptions, options, "tune")


def check_options(entry: ModelEntry) -> None:
    """Refuse options of a search or of tuning that cannot be used, before a job comes to them.

    Raises:
        InvalidInput: One is unknown, of the wrong kind or out of range.
    """
    try:
        if entry.search is not None:
            search_config(entry.search)
        if entry.tune is not None:
            tune_options(entry.tune)
    except InvalidInput as error:
        raise InvalidInput(f"model {entry.name!r}: {error.message}", mend=error.mend) from error


def _options(kind: type[_Options], options: Mapping[str, Any], key: str) -> _Options:
    mend = f"correct `{key}` in the file GTS_MODELS names"
    known = [option.name for option in fields(kind)]
    if unknown := sorted(set(options) - set(known)):
        raise InvalidInput(f"{key} has no option {unknown[0]!r}; known: {', '.join(known)}", mend=mend)
    try:
        return kind(**options)
    except (InvalidInput, TypeError) as error:
        wrong = error.message if isinstance(error, InvalidInput) else "an option is of the wrong kind"
        raise InvalidInput(f"{key}: {wrong}", mend=mend) from error
