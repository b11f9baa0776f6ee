"""The command about questions of a job: ``answer``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gts.core.errors import Conflict, DataError, Forbidden, GTSError, InvalidInput, NotFound
from gts.platform.cli.jobs import JobArgument
from gts.platform.cli.options import DataDirOption, JsonFlag, TokenOption, UrlOption, connect
from gts.platform.cli.output import print_table, stderr, stdout, write_json
from gts.platform.cli.replies import Do, Reply, prompt_of, question_lines, read_reply, said_in_words

if TYPE_CHECKING:
    from gts.platform.client import Client

_SHOWN_CHARS = 120
_LEFT_OUT = ("id", "skip")


def add_commands(app: typer.Typer) -> None:
    """Hang this file's command into ``gts``."""
    app.command()(answer)


def answer(
    job_id: JobArgument,
    show: Annotated[bool, typer.Option("--list", help="Only list the questions.")] = False,
    state: Annotated[
        str | None, typer.Option(help="With --list: only open, answered, skipped or withdrawn ones.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="ANSWERS.jsonl",
            help='Answers as lines of {"id": "...", "labels": ["..."]}, {"id": "...", "skip": true} and so on; - reads standard input.',
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Only take your newest answer or skip back.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer the questions of a job, one after the other.

    A number or the beginning of a name gives a label, Enter takes what is suggested, 0 none of these, s skips, u
    takes the last answer back, q ends.
    """
    with connect(url, token, data_dir) as client:
        if show:
            _list(client, job_id, state, as_json)
            return
        done: Counter[str] = Counter()
        try:
            if undo:
                client.undo(job_id)
                done["taken back"] += 1
            elif source is not None:
                _answer_from(client, job_id, source, done)
            else:
                _converse(client, job_id, done)
        finally:
            _tell(client, job_id, done, as_json)


def _list(client: Client, job_id: str, state: str | None, as_json: bool) -> None:
    found = list(client.questions(job_id, state=state))
    if as_json:
        write_json({"questions": found})
        return
    rows = [
        (question["id"], question["kind"], _about(question), said_in_words(question)) for question in found
    ]
    print_table(("id", "kind", "about", "answer"), rows, "no questions; a job asks when an answer would help")


def _about(question: Mapping[str, Any]) -> str:
    payload = question["payload"]
    texts = [payload[key] for key in ("text", "text_a", "text_b") if key in payload]
    text = " / ".join(texts or payload["labels"])
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _converse(client: Client, job_id: str, done: Counter[str]) -> None:
    """Ask until no question is open or the person has had enough; questions go to standard error."""
    while True:
        step = client.next_question(job_id)
        if step is None:
            return
        _say("")
        counts = step["counts"]
        for line in question_lines(step["question"], counts["answered"] + counts["skipped"], counts["open"]):
            _say(line)
        if not _ask(client, job_id, step["question"], done):
            return


def _ask(client: Client, job_id: str, question: Mapping[str, Any], done: Counter[str]) -> bool:
    """Ask about one question until something has come of it; whether to go on with the next."""
    while True:
        try:
            reply = read_reply(question, _typed(question))
            if reply is None:
                return False
            _do(client, job_id, question["id"], reply, done)
            return True
        except (Conflict, Forbidden) as error:
            _say(f"{error.message}; {error.mend}")
            return True
        except (InvalidInput, NotFound) as error:
            _say(f"{error.message}; {error.mend}")


def _typed(question: Mapping[str, Any]) -> Iterator[str]:
    """Lines as they are typed or come through a pipe, each after its prompt."""
    for prompt in prompt_of(question):
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            return
        yield line.rstrip("\r\n")


def _do(client: Client, job_id: str, question_id: str, reply: Reply, done: Counter[str]) -> None:
    if reply.do == Do.UNDO:
        client.undo(job_id)
        done["taken back"] += 1
    elif reply.do == Do.SKIP:
        client.skip(job_id, question_id)
        done["skipped"] += 1
    else:
        client.answer(job_id, question_id, reply.answer)
        done["answered"] += 1


def _answer_from(client: Client, job_id: str, source: Path, done: Counter[str]) -> None:
    """Send the answers of a file; what is refused is told, and the others are sent all the same.

    Raises:
        DataError: Some were refused.
    """
    refused = []
    for number, line in enumerate(_lines(source), 1):
        if not line.strip():
            continue
        try:
            given = _given(line)
            answer = {key: value for key, value in given.items() if key not in _LEFT_OUT}
            reply = Reply(Do.SKIP) if given.get("skip") else Reply(Do.ANSWER, answer)
            _do(client, job_id, str(given["id"]), reply, done)
        except (InvalidInput, NotFound, Conflict) as error:
            refused.append(number)
            _say(f"line {number}: {error.message}; {error.mend}")
    if refused:
        raise DataError(
            f"{len(refused)} of the answers in {source} were refused, the first in line {refused[0]}",
            mend="mend these lines and send the file again; answers that were accepted may be sent twice",
            file=str(source),
            lines=refused,
        )


def _lines(source: Path) -> list[str]:
    if str(source) == "-":
        return sys.stdin.read().split("\n")
    try:
        return source.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8", mend="save it as UTF-8", file=str(source)) from error


def _given(line: str) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except ValueError:
        given = None
    if not isinstance(given, dict) or "id" not in given:
        raise DataError("the line is no answer", mend='write {"id": "...", "labels": ["..."]}')
    return given


def _tell(client: Client, job_id: str, done: Mapping[str, int], as_json: bool) -> None:
    """Say what was answered and what happens now."""
    try:
        counts = Counter(question["state"] for question in client.questions(job_id))
        state = client.job(job_id)["state"]
    except GTSError:  # the server went away or the job is not there: that is told already
        return
    if as_json:
        write_json(
            {"done": dict(done), "open": counts["open"], "answered": counts["answered"], "state": state}
        )
        return
    parts = ", ".join(f"{number} {what}" for what, number in done.items()) or "nothing was answered"
    stdout().print(f"{parts}; {counts['open']} open", markup=False)
    stdout().print(_next_words(job_id, state, counts), markup=False, soft_wrap=True)


def _next_words(job_id: str, state: str, counts: Mapping[str, int]) -> str:
    if state in ("queued", "running"):
        return f"the job goes on; follow it: gts job {job_id} --follow"
    if counts["answered"]:
        return f"the next attempt learns from the answers: gts continue {job_id}"
    return "a job asks when an answer would help its student"


def _say(line: str) -> None:
    stderr().print(line, markup=False, soft_wrap=True)
