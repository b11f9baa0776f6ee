"""What every request handler works with: one frozen value on ``app.state.services``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator.knock import Knock
from gts.platform.settings import Settings
from gts.platform.tokens import Token, TokenStore

if TYPE_CHECKING:
    from gts.platform.serving.engine import Engine
    from gts.platform.serving.remembering import Remembered
    from gts.platform.traffic.log import TrafficLog
    from gts.registry.registry import Registry


@dataclass(frozen=True, eq=False)
class Services:
    """The parts of a running platform.

    Attributes:
        settings: What the installation was told.
        database: Jobs, events, registry and tokens.
        store: Artifacts: the data of jobs and what stages left behind.
        drafts: Tasks from the web form that nobody has confirmed yet.
        registry: Published models.
        tokens: Access tokens.
        students: What answers predictions.
        traffic: Keeps what they are asked, where somebody wants that.
        verify: Knows the tokens that were sent before.
        knock: Tells workers that a job waits.
    """

    settings: Settings
    database: Database
    store: ArtifactStore
    drafts: ArtifactStore
    registry: Registry
    tokens: TokenStore
    students: Engine
    traffic: TrafficLog
    verify: Remembered[str, Token]
    knock: Knock


def get_services(request: Request) -> Services:
    """The services of the app that got the request."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    # A coroutine: FastAPI would call a plain function in a thread.
    return get_services(request)


ServicesDep = Annotated[Services, Depends(_services)]
