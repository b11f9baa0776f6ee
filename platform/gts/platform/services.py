"""What every request handler works with: one frozen value on ``app.state.services``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator.knock import Knock
from gts.platform.settings import Settings
from gts.platform.tokens import TokenStore

if TYPE_CHECKING:
    from gts.platform.serving.engine import Engine
    from gts.registry.registry import Registry


@dataclass(frozen=True)
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
        knock: Tells workers that a job waits.
    """

    settings: Settings
    database: Database
    store: ArtifactStore
    drafts: ArtifactStore
    registry: Registry
    tokens: TokenStore
    students: Engine
    knock: Knock


def get_services(request: Request) -> Services:
    """FastAPI dependency: the services of the app that got the request."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
