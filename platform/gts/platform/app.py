"""The web application: services, middleware, routes, put together in one place."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version as installed_version

from fastapi import FastAPI

from gts.core.artifacts import ArtifactStore
from gts.core.database import Database
from gts.orchestrator.knock import open_knock
from gts.platform.auth import Gatekeeper, hub_user
from gts.platform.errors import for_people_and_programs, install_error_handlers
from gts.platform.limits import BodyLimit
from gts.platform.pages import error_page, pages_router
from gts.platform.routes import (
    decisions,
    generated,
    hub_links,
    jobs,
    language,
    metrics,
    models,
    oip,
    plans,
    predict,
    questions,
    system,
    traffic,
    versions,
)
from gts.platform.routes.hub import HubOptions, hub_router
from gts.platform.routes.hub_lfs import upload_key
from gts.platform.services import Services
from gts.platform.serving.engine import Engine
from gts.platform.serving.local import LocalEngine
from gts.platform.serving.remembering import Changes, Remembered
from gts.platform.settings import Settings
from gts.platform.storage import open_store
from gts.platform.tokens import TokenStore
from gts.platform.traffic.log import TrafficLog
from gts.registry.registry import Registry

API_PREFIX = "/api/v1"
_VERIFYING = 4

_DESCRIPTION = """
GTS turns a handful of labelled examples into a small, fast language model.

1. `POST /api/v1/jobs` takes a task with its data and starts a job.
2. `GET /api/v1/jobs/{id}/events` follows it.
3. The finished model is at `POST /api/v1/models/{namespace}/{name}/predict`, and for every Hugging Face client
   at this server's address (`HF_ENDPOINT`).

Send your token as `Authorization: Bearer <token>`. Every error has the same shape:
`{"error": {"code", "message", "mend", "details"}}`, where `mend` says what to do next.
"""


def build_services(
    settings: Settings, database: Database, engine: Callable[[Registry, Settings], Engine] = LocalEngine
) -> Services:
    """Open what the application works with; the database has been migrated.

    Args:
        settings: What the installation was told.
        database: Its database.
        engine: Makes what answers predictions.
    """
    registry = Registry(database, open_store(settings))
    tokens = TokenStore(database)
    students, log = engine(registry, settings), TrafficLog(database, registry, settings)
    students.on_answers = log.note
    students.metrics.watch(log.gauges)
    return Services(
        settings=settings,
        database=database,
        store=ArtifactStore(settings.store_root),
        drafts=ArtifactStore(settings.drafts_root),
        registry=registry,
        tokens=tokens,
        students=students,
        traffic=log,
        verify=Remembered(
            tokens.verify,
            ThreadPoolExecutor(_VERIFYING, thread_name_prefix="verify"),
            Changes(settings.database),
            lambda token: token.active,
        ),
        knock=open_knock(settings.redis_url),
    )


def create_app(services: Services, *, serves_only: bool = False) -> FastAPI:
    """The application over its services.

    Args:
        services: What it works with.
        serves_only: Whether it only answers about published models: no jobs, pages or downloads.
    """
    app = FastAPI(
        title="GTS",
        summary="From a handful of labelled examples to a small, fast language model you own.",
        description=_DESCRIPTION,
        version=installed_version("gts"),
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere, which the content policy forbids
        redoc_url=None,
    )
    app.state.services = services
    app.state.stopping = False
    answer = for_people_and_programs(error_page)
    install_error_handlers(app, answer)
    app.router.routes += [*models.direct(API_PREFIX), *predict.direct(), *oip.direct()]
    everything = (jobs, plans, generated, questions, models, versions, traffic, language, system)
    for routes in (models, system) if serves_only else everything:
        app.include_router(routes.router, prefix=API_PREFIX)
    for routes in (predict, oip, decisions, metrics):
        app.include_router(routes.router)
    app.include_router(oip.public_router)
    if not serves_only:
        app.include_router(system.session_router)
        app.include_router(pages_router)
        options = HubOptions(
            key=upload_key(services.settings.upload_key_file),
            inline_bytes=services.settings.hub_inline_bytes,
            max_bytes=services.settings.max_hub_upload_bytes,
        )
        # Last: its paths begin with whatever comes.
        app.include_router(hub_router(services.registry, hub_user, options))
        app.include_router(hub_links.router)
    # The outermost is added last: hosts and origins are checked before a byte of the body is counted.
    app.add_middleware(BodyLimit, settings=services.settings, answer=answer)
    app.add_middleware(Gatekeeper, settings=services.settings, answer=answer)
    return app
