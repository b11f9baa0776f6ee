"""Serving in several processes, on one machine or many, by Ray Serve: `serve run gts.platform.serving.replicas:application`.

A web deployment takes the same requests as the platform and hands rows to replicas, each with the engine of one process. Which
replicas hold a model is Ray Serve's to know (``serve.multiplexed``); which requests are answered together, and which students stay in
memory, is the engine's. All processes see the same data folder and database.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from gts.core.database import Database
from gts.core.errors import GTSError, InvalidInput, Overloaded, Unavailable
from gts.core.threads import limit_threads
from gts.platform.app import build_services, create_app
from gts.platform.serving.engine import Engine, split_model
from gts.platform.serving.folders import student_folder
from gts.platform.serving.local import LocalEngine
from gts.platform.serving.remembering import Changes, Remembered
from gts.platform.serving.values import Answers, Rows, Served
from gts.platform.settings import Settings, environment, load_settings
from gts.student.layout import read_manifest

if TYPE_CHECKING:
    from gts.registry.registry import Registry

logger = logging.getLogger("gts.platform")

_STUDENTS = "Students"
_TRIES, _FIRST_WAIT_S = 6, 0.1
_LOOKUPS = 4
_KNOWN = 10_000


class StudentReplica:
    """One process that holds students.

    Args:
        variables: The settings, as environment variables.
        cores: Calls of students that run at once.
    """

    def __init__(self, variables: Mapping[str, str], cores: int) -> None:
        limit_threads(cores)
        settings = load_settings(environ=variables)
        services = build_services(settings, Database(settings.database), partial(LocalEngine, threads=cores))
        self._engine = services.students

    async def load(self, key: str) -> Served:
        """The student of ``namespace/name@commit``; Ray Serve sends requests for it where it has been loaded."""
        model, _, commit = key.rpartition("@")
        return await self._engine.find(model, commit)

    async def answer(self, model: str, commit: str, rows: Rows) -> Answers | GTSError:
        """What a model says of rows; an error is handed over as it is, for Ray would wrap it."""
        try:
            return await self._engine.answer(await self.load(f"{model}@{commit}"), rows)
        except GTSError as error:
            return error


class ReplicatedEngine(Engine):
    """The engine of the web deployment: it resolves names, and replicas answer.

    What a dying replica was asked is asked again elsewhere: a prediction changes nothing.

    Args:
        registry: Where models are looked up.
        settings: Hold the limits.
        replicas: Handle of the deployment of :class:`StudentReplica`.
    """

    def __init__(self, registry: Registry, settings: Settings, replicas: Any) -> None:
        super().__init__(settings)
        self._registry = registry
        self._replicas = replicas
        self._known: dict[str, Served] = {}
        self._pool = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")
        self._changes = Changes(settings.database)
        self._lookups = Remembered(self._look_up, self._pool, self._changes)

    async def find(self, model: str, revision: str) -> Served:
        """What a revision of a model is now.

        Raises:
            NotFound: There is no such model or revision.
        """
        return await self._lookups.get((model, revision))

    async def answer(self, served: Served, rows: Rows) -> Answers:
        """What a model says of rows that were checked.

        Raises:
            InvalidInput: A row is not of the form that the model's task type has.
            Unavailable: No replica answers.
        """
        from ray.exceptions import RayActorError
        from ray.serve.exceptions import BackPressureError

        key = f"{served.model}@{served.commit}"
        for attempt in range(_TRIES):
            asked = self._replicas.options(multiplexed_model_id=key).answer.remote(
                served.model, served.commit, list(rows)
            )
            try:
                answers: Answers | GTSError = await asked
            except RayActorError:
                logger.warning("a replica died while it was asked; asking another")
                await asyncio.sleep(_FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
                continue
            except BackPressureError as error:
                raise Overloaded("all replicas have too much to do", mend="try again in a moment") from error
            if isinstance(answers, GTSError):
                raise answers
            return answers
        raise Unavailable("no replica answers", mend="`serve status` tells how they are")

    def close(self) -> None:
        """Take no more requests."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._changes.close()

    def _look_up(self, asked: tuple[str, str]) -> Served:
        model, revision = asked
        commit = self._registry.resolve(*split_model(model), revision).oid
        if (known := self._known.get(commit)) is not None:
            return known
        with student_folder(self._registry, self.settings.models_root, model, commit) as folder:
            served = Served(model, commit, read_manifest(folder))
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[commit] = served
        return served


def application(arguments: Mapping[str, str]) -> Any:
    """What ``serve run`` starts; settings come from ``GTS_*`` variables and ``gts.toml``, as for ``gts up``.

    Args:
        arguments: ``replicas`` (default 2) and ``cores`` of each (default 1), as in
            ``serve run gts.platform.serving.replicas:application replicas=4``.

    Raises:
        InvalidInput: An argument is unknown or no number.
    """
    replicas, cores = _number(arguments, "replicas", 2), _number(arguments, "cores", 1)
    if unknown := set(arguments) - {"replicas", "cores"}:
        raise InvalidInput(f"unknown argument {min(unknown)!r}", mend="known arguments: replicas, cores")
    from ray import serve

    from gts.migrations import upgrade

    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(settings.database)
    variables, most = environment(settings), settings.max_predictions

    class Students(StudentReplica):
        # The engine drops students by their memory, not by their number.
        load = serve.multiplexed(max_num_models_per_replica=-1)(StudentReplica.load)

    def web() -> Any:
        own, context = load_settings(environ=variables), serve.get_replica_context()
        handle = serve.get_deployment_handle(_STUDENTS, app_name=context.app_name)
        engine = partial(ReplicatedEngine, replicas=handle)
        return create_app(build_services(own, Database(own.database), engine), serves_only=True)

    students = serve.deployment(
        Students,
        name=_STUDENTS,
        num_replicas=replicas,
        max_ongoing_requests=most,
        max_queued_requests=most,
        ray_actor_options={"num_cpus": cores},
    )
    ingress = serve.deployment(
        serve.ingress(web)(), name="Web", max_ongoing_requests=2 * most, ray_actor_options={"num_cpus": 0}
    )
    return ingress.bind(students.bind(variables, cores))


def _number(arguments: Mapping[str, str], name: str, default: int) -> int:
    value = str(arguments.get(name, default))
    if not value.isdigit() or int(value) < 1:
        raise InvalidInput(
            f"{name} is {value[:50]!r}; a whole number from 1 was expected", mend=f"{name}={default}"
        )
    return int(value)
