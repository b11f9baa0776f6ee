"""A language model that extracts: what it finds in texts, with its certainty from several answers to the same question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gts.core.llm.values import Answer, Call, Completion, Message
from gts.tasks.items import Beliefs, Item, decide, items_of
from gts.tasks.schema import Schema
from gts.tasks.structures import Structure
from gts.teacher.answer_form import answer_schema
from gts.teacher.demonstrations import ExtractionQuestion
from gts.teacher.llm import Ask
from gts.teacher.named import read_named
from gts.teacher.placing import place_named


@dataclass(frozen=True)
class ExtractionConfig:
    """How a model is asked.

    Attributes:
        samples: Answers to a question, the first the likeliest one (self-consistency, Wang et al., Self-Consistency Improves
            Chain of Thought Reasoning in Language Models, 2023).
        temperature: Of all samples but the first.
        max_tokens: Most tokens of an answer; of one that is cut off the whole items are taken.
        schema: Whether to send a JSON schema of the answer.
        max_chars: Longer texts are not asked about.
    """

    samples: int = 3
    temperature: float = 0.7
    max_tokens: int = 1024
    schema: bool = True
    max_chars: int = 6000


@dataclass(frozen=True)
class Finding:
    """What a model finds in one text.

    Attributes:
        found: What at least half of its usable answers say.
        beliefs: Everything that any of them says, with the share of those that do.
    """

    found: Structure
    beliefs: Beliefs


@dataclass(frozen=True)
class Findings:
    """What a model finds in texts.

    Attributes:
        findings: One for each text; ``None`` where it said nothing usable, or was not asked.
        counts: How often something was left out, over all answers, by why: ``hallucinated`` and ``surplus`` mentions, ``unknown
            type``, ``malformed`` items, relations that are ``not allowed``, ``unusable`` answers, texts that are ``too long``.
            Calls without an answer are not among them.
    """

    findings: tuple[Finding | None, ...]
    counts: Mapping[str, int]

    @property
    def abstained(self) -> int:
        """Texts without a finding."""
        return self.findings.count(None)


def extract(
    questions: Sequence[ExtractionQuestion],
    schema: Schema,
    ask: Ask,
    config: ExtractionConfig = ExtractionConfig(),
) -> Findings:
    """Ask a model what it finds, several times, and count how often it says what.

    Mentions are located in the text before answers are compared, so that two ways to write one mention are the same finding.
    All first samples are asked for before all second ones: a budget that ends early leaves every text with some.

    Args:
        questions: The questions.
        schema: What there is to be found.
        ask: Asks the model.
        config: How.
    """
    asked = [i for i, question in enumerate(questions) if len(question.text) <= config.max_chars]
    calls = [_call(questions[i], schema, config, seed) for seed in range(config.samples) for i in asked]
    answers = ask(calls) if calls else ()
    counts = Counter({"too long": len(questions) - len(asked)})
    said: dict[int, list[frozenset[Item]]] = {i: [] for i in asked}
    for i, answer in zip(asked * config.samples, answers, strict=True):
        structure = _read(answer, questions[i], schema, counts)
        if structure is not None:
            said[i].append(items_of(structure))
    findings = tuple(_finding(said.get(i, ())) for i in range(len(questions)))
    return Findings(findings, dict(+counts))


def _call(question: ExtractionQuestion, schema: Schema, config: ExtractionConfig, seed: int) -> Call:
    return Call(
        (Message("user", question.prompt),),
        config.max_tokens,
        temperature=config.temperature if seed else 0.0,
        seed=seed,
        schema=answer_schema(schema, question.given is not None) if config.schema else None,
    )


def _read(
    answer: Answer, question: ExtractionQuestion, schema: Schema, counts: Counter[str]
) -> Structure | None:
    if not isinstance(answer, Completion):
        return None
    named, unread = read_named(answer.text, schema)
    counts.update(unread)
    if named is None:
        counts["unusable"] += 1
        return None
    structure, unplaced = place_named(question.text, named, schema, question.given)
    counts.update(unplaced)
    return structure


def _finding(samples: Sequence[frozenset[Item]]) -> Finding | None:
    if not samples:
        return None
    votes = Counter(item for sample in samples for item in sample)
    beliefs = {item: count / len(samples) for item, count in sorted(votes.items(), key=_order)}
    return Finding(decide(beliefs, {}), beliefs)


def _order(voted: tuple[Item, int]) -> tuple[str, str, tuple[int, int], str, tuple[int, int]]:
    item = voted[0]
    return item.kind, item.type, item.place, item.role, item.other or (0, 0)
