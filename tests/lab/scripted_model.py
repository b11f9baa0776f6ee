"""A language model whose answers a test gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gts.core.llm.values import Answer, Call, Completion


class ScriptedModel:
    """Answers as a function of the call says, or always alike, and remembers what it was asked, round by round."""

    def __init__(self, answer: Callable[[Call], str | Answer] | str | Answer) -> None:
        self.answer = answer if callable(answer) else lambda call: answer
        self.rounds: list[list[Call]] = []

    def __call__(self, calls: Sequence[Call]) -> list[Answer]:
        self.rounds.append(list(calls))
        answers = [self.answer(call) for call in calls]
        return [Completion(answer) if isinstance(answer, str) else answer for answer in answers]

    @property
    def prompts(self) -> list[str]:
        return [call.messages[0].content for calls in self.rounds for call in calls]
