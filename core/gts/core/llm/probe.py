"""Finding out what a model can do by asking it, and believing only what comes back."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from gts.core.llm.backend import Backend
from gts.core.llm.values import Answer, Call, Completion, Failed, Message

_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model was seen to do.

    Attributes:
        logprobs: Whether it gives the log-probabilities of its first token.
        schema: Whether its answer keeps to a JSON schema that the question does not mention.
        tokens_per_second: Tokens it wrote in a second, one call alone; 0 where it does not count them.
        problem: What went wrong in asking; empty if nothing did.
    """

    logprobs: bool
    schema: bool
    tokens_per_second: float
    problem: str = ""


def probe(backend: Backend) -> Abilities:
    """Ask three short questions.

    Raises:
        Unavailable: The model cannot be reached.
        InvalidInput: It refuses the key, or does not know the model.
        MissingDependency: Its weights are not at hand.
    """
    choice = _ask(backend, Call(_user("Is water wet? Answer yes or no."), 8, top_logprobs=5))
    shaped = _ask(backend, Call(_user("Say hello."), 64, schema=_SCHEMA))
    started = time.perf_counter()
    written = _ask(backend, Call(_user("Write a few sentences about the sea."), 64))
    seconds = time.perf_counter() - started
    problem = next((answer.reason for answer in (choice, written) if isinstance(answer, Failed)), "")
    return Abilities(
        logprobs=isinstance(choice, Completion) and bool(choice.first_token),
        schema=isinstance(shaped, Completion) and _keeps_to_schema(shaped.text),
        tokens_per_second=written.usage.completion_tokens / seconds,
        problem=problem,
    )


def _user(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def _ask(backend: Backend, call: Call) -> Answer:
    answers: list[Answer] = []
    backend.complete([call], lambda index, answer: answers.append(answer))
    return answers[0]


def _keeps_to_schema(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and list(value) == ["colour"] and value["colour"] in ("red", "green")
