"""Work for a client is given up when the client leaves: nobody else would wait for it, and others want the place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

_NOTICED_AFTER_S = 0.1
"""What takes no longer is finished: to look out for the client costs more than a quick answer."""


@asynccontextmanager
async def unless_it_leaves(request: Request) -> AsyncIterator[None]:
    """Cancel what is done in this block when the client leaves.

    Args:
        request: Its body has been read.

    Raises:
        ClientDisconnect: It has left.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None:
        raise RuntimeError("there is no task that could be cancelled")
    watcher: asyncio.Task[None] | None = None
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        has_left = True
        task.cancel()

    def begin() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    timer = loop.call_later(_NOTICED_AFTER_S, begin)
    try:
        yield
    except asyncio.CancelledError:
        if has_left and not task.uncancel():  # nobody else has cancelled it too
            raise ClientDisconnect from None
        raise
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
