"""Questions that need torch, answered by a process of its own: the web server never loads weights."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from gts.core.errors import GTSError, Unavailable
from gts.platform.remote import error_told


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
        unsaid = {
            "code": GTSError.code,
            "message": f"{what} could not be made",
            "mend": "the server's log says why",
        }
        raise error_told(unsaid | said["error"])
    return said


async def _run(arguments: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:  # nobody waits for the answer any more
            process.kill()
            await process.wait()
    return output.decode()
