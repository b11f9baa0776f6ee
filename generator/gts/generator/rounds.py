"""Rounds of questions to a language model, until what is wanted is there or nothing more comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from gts.core.llm.values import Answer, Call, Completion, Message
from gts.generator.chance import seeded
from gts.generator.questions import LLMConfig, texts_per_call, tokens_of_one

T = TypeVar("T")

# Seeds of servers and of torch are whole numbers of 32 bits at the least; room is left to count up.
_MAX_SEED = 2**30


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told in one call.

    Attributes:
        messages: The chat.
        seeds: The user's texts it shows.
    """

    messages: tuple[Message, ...]
    seeds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What all calls of a run have in common.

    Attributes:
        size: Most things asked for in one call.
        max_tokens: Most tokens of an answer.
        schema: JSON schema of the answer.
    """

    size: int
    max_tokens: int
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """One new thing, and how it came about.

    Attributes:
        value: What was read.
        seeds: The user's texts that its call showed.
        scores: Temperature and number of its round.
    """

    value: T
    seeds: tuple[str, ...]
    scores: Mapping[str, float]


class Writing(Protocol[T]):
    """What is asked for, and what is made of the answers."""

    def prompt(self, request: int, count: int) -> Prompt:
        """The next prompt for so many things of a request."""
        ...

    def read(self, answer: Completion, counts: Counter[str]) -> Iterable[T | None]:
        """What an answer holds, ``None`` for what is of no use; why not is counted."""
        ...

    def fault(self, request: int, value: T) -> str:
        """Why a thing is not what its request asks for, in a word or two; nothing if it is."""
        ...

    def key(self, value: T) -> Hashable:
        """What two things have in common that count as the same."""
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """A call, the request it is for, and how many calls of its request come before it."""

    call: Call
    request: int
    seeds: tuple[str, ...]
    turn: int


def fitting_form(texts: Sequence[str], config: LLMConfig, schema: Mapping[str, Any]) -> Form:
    """The form of calls for things of some length; no more are asked for in a call than its answer can hold.

    Args:
        texts: Things of the user, as they would be written.
        config: How the model is asked.
        schema: JSON schema of the answer, for models that follow one.
    """
    needed = tokens_of_one(texts, config)
    if not config.chat:
        return Form(1, needed)
    size = max(1, min(texts_per_call(config), config.max_tokens // needed))
    return Form(size, config.max_tokens, schema if config.schema else None)


def write_in_rounds(
    ask: Callable[[Sequence[Call]], Sequence[Answer]],
    config: LLMConfig,
    form: Form,
    writing: Writing[T],
    wanted: Sequence[int],
    known: Iterable[Hashable],
    seed: int,
) -> tuple[list[list[Written[T]]], Mapping[str, int]]:
    """Ask for what is wanted, and again for what is missing, as often as the config says.

    All calls of a round are handed over in one go. A thing that is known already counts as a ``copy``.

    Args:
        ask: Asks the model.
        config: Temperatures and number of rounds.
        form: What all calls have in common.
        writing: Makes the prompts and reads the answers.
        wanted: How many things each request asks for.
        known: Keys of what there is.
        seed: What the seeds of the calls depend on; each further sample of the same prompt gets another one,
            for equal calls would bring one answer.

    Returns:
        What was written for each request, never more than wanted; how many were written in vain, by why.
    """
    taken = set(known)
    counts: Counter[str] = Counter()
    asker = _Asker(config, form, writing, seeded(seed).randrange(_MAX_SEED))
    made: list[list[Written[T]]] = [[] for _ in wanted]
    for round_ in range(config.rounds):
        missing = [count - len(own) for count, own in zip(wanted, made, strict=True)]
        questions = asker.questions(missing, round_)
        if not questions:
            break
        answers = ask([question.call for question in questions])
        is_answered = False
        for question, answer in zip(questions, answers, strict=True):
            own = made[question.request]
            for value in writing.read(answer, counts) if isinstance(answer, Completion) else ():
                is_answered = True
                if value is None or len(own) == wanted[question.request]:
                    continue
                if why := writing.fault(question.request, value):
                    counts[why] += 1
                elif (key := writing.key(value)) in taken:
                    counts["copy"] += 1
                else:
                    taken.add(key)
                    scores = {"temperature": question.call.temperature, "round": round_ + 1.0}
                    own.append(Written(value, question.seeds, scores))
        if not is_answered:
            break
    return made, dict(+counts)


class _Asker(Generic[T]):
    """Makes the questions of one run."""

    def __init__(self, config: LLMConfig, form: Form, writing: Writing[T], first_seed: int) -> None:
        self._config, self._form, self._writing, self._first_seed = config, form, writing, first_seed
        self._asked: Counter[tuple[Message, ...]] = Counter()

    def questions(self, missing: Sequence[int], round_: int) -> list[_Question]:
        """The questions of one round, by turns, so that a budget that ends within it ends for all alike."""
        made = [
            question
            for request, count in enumerate(missing)
            for question in self._questions(request, count, round_)
        ]
        return sorted(made, key=lambda question: question.turn)

    def _questions(self, request: int, missing: int, round_: int) -> Iterator[_Question]:
        config, form = self._config, self._form
        for turn, start in enumerate(range(0, missing, form.size)):
            prompt = self._writing.prompt(request, min(form.size, missing - start))
            call = Call(
                prompt.messages,
                max_tokens=form.max_tokens,
                temperature=config.temperatures[round_ % len(config.temperatures)],
                top_p=config.top_p,
                seed=self._first_seed + self._asked[prompt.messages],
                schema=form.schema,
            )
            self._asked[prompt.messages] += 1
            yield _Question(call, request, prompt.seeds, turn)
