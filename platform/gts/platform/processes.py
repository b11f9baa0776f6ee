"""Questions that need torch, answered by a process of its own: the web server never loads weights."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from gts.core.errors import GTSError, Unavailable


async def ask_process(
    arguments: Sequence[str], what: str, patience_s: float, turn: asyncio.Semaphore
) -> dict[str, Any]:
    """Run Python with these arguments and read the JSON that it prints last.

    Args:
        arguments: Of the Python interpreter.
        what: What is asked for, in words.
        patience_s: Seconds to wait, for the turn and for the answer.
        turn: Who may run at a time.

    Raises:
        Unavailable: It takes too long, or others before it do.
        GTSError: What the process said, with its own code.
    """
    try:
        async with asyncio.timeout(patience_s):
            async with turn:
                output = await _run(arguments)
    except TimeoutError as error:
        raise Unavailable(
            f"{what} was not made within {patience_s:.0f} s", mend="the machine is busy: ask again later"
        ) from error
    said: dict[str, Any] = json.loads(output.splitlines()[-1]) if output.strip() else {"error": {}}
    if "error" in said:
        told = said["error"]
        kinds = {kind.code: kind for kind in _kinds(GTSError)}
        kind = kinds.get(told.get("code", ""), GTSError)
        message = told.get("message", f"{what} could not be made")
        mend = told.get("mend", "the server's log says why")
        raise kind(message, mend=mend, **told.get("details", {}))
    return said


def _kinds(base: type[GTSError]) -> Iterator[type[GTSError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


async def _run(arguments: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # nobody waits for the answer any more
            process.kill()
            await process.wait()
    return output.decode()
