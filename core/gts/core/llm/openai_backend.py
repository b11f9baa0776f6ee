"""Models behind a server that speaks OpenAI's chat protocol: vLLM, llama.cpp, Ollama, transformers serve, hosted ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion

from gts.core.errors import GTSError, InvalidInput, Unavailable
from gts.core.llm.backend import OnAnswer
from gts.core.llm.entry import ModelEntry
from gts.core.llm.secrets import masked
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Usage, spoken

_RETRIES = 4
_PATIENCE = 3.0
"""How many times the time of one answer a call may take with all its retries."""


class OpenAIBackend:
    """A model behind a server.

    The client library repeats calls that meet 408, 409, 429, 5xx or a broken connection, with growing pauses, and
    honours ``Retry-After``. On top of that a call has one deadline, which holds against a server that sends a byte
    now and then, and a server that fails many calls in a row is given up.
    """

    def __init__(self, entry: ModelEntry) -> None:
        self._entry = entry
        self._key = entry.key()
        self._length = "max_tokens"
        self._schema_type = "json_schema"
        self._has_replied = False
        self._has_answered = False
        self._in_a_row = 0

    def complete(self, calls: Sequence[Call], on_answer: OnAnswer) -> None:
        """See :meth:`gts.core.llm.backend.Backend.complete`."""
        asyncio.run(self._complete(calls, on_answer))

    async def _complete(self, calls: Sequence[Call], on_answer: OnAnswer) -> None:
        entry = self._entry
        limit = max(5, 2 * entry.concurrency)
        queue = iter(enumerate(calls))
        given_up: list[Failed] = []
        failed: list[Failed] = []

        async def work(client: openai.AsyncOpenAI) -> None:
            for index, call in queue:
                if given_up:
                    return
                answer = await self._one(client, call)
                on_answer(index, answer)
                dead = isinstance(answer, Failed) and answer.fault == Fault.NO_ANSWER
                self._in_a_row = self._in_a_row + 1 if dead else 0
                self._has_answered |= not dead
                if isinstance(answer, Failed) and dead:
                    failed.append(answer)
                    if self._in_a_row >= limit:
                        given_up.append(answer)

        async with self._client() as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(entry.concurrency, len(calls))):
                        group.create_task(work(client))
            except ExceptionGroup as several:
                error = self._explained(several)
                # What the libraries said is in the message; the place in their code helps nobody.
                raise error from (None if isinstance(error, GTSError) else several)
        if not self._has_answered:
            given_up += failed[:1]
        if given_up:
            raise self._unavailable(given_up[0].reason)

    def _client(self) -> openai.AsyncOpenAI:
        entry = self._entry
        timeout = openai.Timeout(entry.timeout_s, connect=min(10.0, entry.timeout_s))
        try:
            return openai.AsyncOpenAI(
                base_url=entry.base_url,
                api_key=self._key or "none",
                max_retries=_RETRIES,
                timeout=timeout,
                http_client=openai.DefaultAsyncHttpxClient(verify=_trusted()),
            )
        except (openai.OpenAIError, httpx2.InvalidURL, ValueError) as error:
            raise self._not_askable(error) from None

    def _explained(self, several: ExceptionGroup[Exception]) -> Exception:
        """The one error to raise for those that ended the calls in flight."""
        errors = _leaves(several)
        entry = self._entry
        for error in errors:  # what on_answer raised: a full disk, a job that was cancelled
            if isinstance(error, GTSError):
                return error
        for error in errors:
            if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
                return InvalidInput(
                    f"{entry.address} refuses the key of model {entry.name!r}: {self._said(error)}",
                    mend="check key_env or key_file of the model",
                )
            if isinstance(error, openai.NotFoundError):
                return InvalidInput(
                    f"{entry.address} does not know the model {entry.model!r}: {self._said(error)}",
                    mend="check model and base_url; the address usually ends with /v1",
                )
        return errors[0]

    def _not_askable(self, error: Exception) -> InvalidInput:
        return InvalidInput(
            f"model {self._entry.name!r} at {self._entry.address} cannot be asked: "
            f"{type(error).__name__}: {self._said(error)}",
            mend="check base_url and key of the model",
        )

    def _unavailable(self, reason: str) -> Unavailable:
        what, mend = "cannot be reached", "start the server, or check base_url of the model"
        if self._has_answered:
            what = "has stopped answering"
            mend = "start the server again and run the job again; answers that came are kept"
        elif self._has_replied:
            what, mend = "answers with errors only", "look at the server's log"
        return Unavailable(f"model {self._entry.name!r} at {self._entry.address} {what}: {reason}", mend=mend)

    async def _one(self, client: openai.AsyncOpenAI, call: Call) -> Answer:
        entry, length, schema_type = self._entry, self._length, self._schema_type
        try:
            async with asyncio.timeout(_PATIENCE * entry.timeout_s):
                reply = await client.chat.completions.create(**self._body(call))
        except TimeoutError:
            return Failed(Fault.NO_ANSWER, f"no whole answer within {_PATIENCE * entry.timeout_s:.0f} s")
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError):
            raise
        except openai.APIResponseValidationError as error:
            return Failed(Fault.GARBAGE, self._said(error))
        except openai.APIStatusError as error:
            self._has_replied = True
            if length == "max_tokens" and "max_completion_tokens" in self._said(error):
                self._length = "max_completion_tokens"  # newer servers know the limit by this name only
                return await self._one(client, call)
            if (
                call.schema is not None
                and schema_type == "json_schema"
                and "json_object" in self._said(error)
            ):
                self._schema_type = "json_object"  # the name at llama.cpp's Python server
                return await self._one(client, call)
            fault = (
                Fault.NO_ANSWER
                if error.status_code in (408, 409, 429) or error.status_code >= 500
                else Fault.REFUSED
            )
            return Failed(fault, self._said(error))
        except openai.APIConnectionError as error:
            return Failed(Fault.NO_ANSWER, self._said(error))
        except (ValueError, TypeError) as error:  # a body that is no JSON, or of another shape
            return Failed(Fault.GARBAGE, self._said(error))
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._not_askable(error) from None
        try:
            return _answer(reply)
        except (ValueError, TypeError, AttributeError):
            return Failed(Fault.GARBAGE, "the answer has parts of the wrong kind")

    def _said(self, error: BaseException) -> str:
        """What a server said, in one line that is fit to be shown: it may repeat the key."""
        said = getattr(error, "message", None) or str(error) or type(error).__name__
        said = str(said).rstrip(" .")
        cause = f" ({error.__cause__})" if error.__cause__ is not None and str(error.__cause__) else ""
        line = masked(" ".join(f"{said}{cause}".split()), (self._key or "", *self._entry.secrets))
        return line[:300].rstrip(" .")

    def _body(self, call: Call) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._entry.model,
            "messages": [{"role": message.role, "content": message.content} for message in call.messages],
            self._length: call.max_tokens,
            "temperature": call.temperature,
            "top_p": call.top_p,
            "seed": call.seed,
        }
        if call.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": call.top_logprobs}
        if call.schema is not None:
            schema = dict(call.schema)
            named = {"json_schema": {"name": "answer", "schema": schema, "strict": True}}
            inside = named if self._schema_type == "json_schema" else {"schema": schema}
            body["response_format"] = {"type": self._schema_type, **inside}
        return body


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities this process trusts: to read them takes longer than many a batch of calls."""
    return httpx2.create_ssl_context()


def _answer(reply: ChatCompletion) -> Answer:
    """Believe nothing: a server of another make may leave out any part of it."""
    usage = Usage(_count(reply, "prompt_tokens"), _count(reply, "completion_tokens"))
    choices = getattr(reply, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        return Failed(Fault.GARBAGE, "the answer holds no message", usage)
    choice = choices[0]
    text = spoken(choice.message.content or "")
    if not text:
        return Failed(Fault.EMPTY, "the answer was empty", usage)
    first: dict[str, float] = {}
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    if content:
        # Different tokens may have one text, as a letter and the byte that writes it: the likeliest counts.
        likeliest_last = sorted(content[0].top_logprobs or [], key=lambda token: token.logprob)
        first = {token.token: float(token.logprob) for token in likeliest_last}
    return Completion(text, usage, first, choice.finish_reason != "length")


def _count(reply: ChatCompletion, of: str) -> int:
    found = getattr(getattr(reply, "usage", None), of, 0)
    return found if isinstance(found, int) and found > 0 else 0


def _leaves(several: ExceptionGroup[Exception]) -> list[Exception]:
    """The errors of a group, those of groups within it too."""
    found: list[Exception] = []
    for error in several.exceptions:
        found += _leaves(error) if isinstance(error, ExceptionGroup) else [error]
    return found
