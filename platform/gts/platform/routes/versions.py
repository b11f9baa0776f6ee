"""Routes about versions: promote, roll back, retire, and the history of all of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gts.platform.auth import GuardedRoute, Reader, Writer
from gts.platform.errors import error_responses
from gts.platform.services import ServicesDep
from gts.platform.version_schemas import (
    CompareBody,
    ComparisonView,
    HistoryPage,
    LineageView,
    PromotionBody,
    PromotionView,
    RetirementBody,
    RetirementsView,
    RollbackBody,
)
from gts.platform.versions_compare import compare
from gts.platform.versions_lineage import lineage_of
from gts.tasks.source import RowSource

router = APIRouter(prefix="/models/{namespace}/{name}", tags=["versions"], route_class=GuardedRoute)


@router.get("/history", summary="What happened to the aliases", responses=error_responses(404, 422))
def show_history(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    alias: Annotated[str | None, Query(max_length=100, description="Only this alias.")] = None,
    before: Annotated[int | None, Query(ge=0, lt=2**31, description="From the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most lines in the answer.")] = 100,
) -> HistoryPage:
    """Who moved an alias or retired a revision, when, from where to where and why; newest first.

    Lines are added and never changed.
    """
    found = services.registry.promotions.history(namespace, name, alias=alias, before=before, limit=limit + 1)
    more, found = len(found) > limit, found[:limit]
    return HistoryPage(
        promotions=[PromotionView.of(row) for row in found], next_before=found[-1].number if more else None
    )


@router.post("/promotions", summary="Point an alias at a revision", responses=error_responses(404, 409, 422))
def promote(
    services: ServicesDep, user: Writer, namespace: str, name: str, body: PromotionBody
) -> PromotionView:
    """Let an alias such as `production` name a revision, with the reason; the alias is made if it is not there.

    Where it names that revision already nothing changes, and the answer is the line by which it came to.
    """
    return PromotionView.of(
        services.registry.promotions.promote(
            namespace, name, body.alias, body.revision, by=user.who, why=body.why, expect=body.expect
        )
    )


@router.post(
    "/rollbacks", summary="Let an alias name what it named before", responses=error_responses(404, 409, 422)
)
def roll_back(
    services: ServicesDep, user: Writer, namespace: str, name: str, body: RollbackBody
) -> PromotionView:
    """Go back along the history: once to the revision before, again to the one before that.

    Retired revisions are passed over, and an alias that was removed comes back. With `expect`, a request that is sent
    again after its answer was lost does not go back twice.
    """
    return PromotionView.of(
        services.registry.promotions.roll_back(
            namespace, name, body.alias, by=user.who, why=body.why, expect=body.expect
        )
    )


@router.get("/retirements", summary="Revisions that are retired", responses=error_responses(404))
def list_retired(services: ServicesDep, user: Reader, namespace: str, name: str) -> RetirementsView:
    """Each with the line that says who retired it and why."""
    found = services.registry.promotions.retired(namespace, name)
    return RetirementsView(retired=[PromotionView.of(row) for row in found.values()])


@router.post("/retirements", summary="Retire a revision", responses=error_responses(404, 409, 422))
def retire(
    services: ServicesDep, user: Writer, namespace: str, name: str, body: RetirementBody
) -> PromotionView:
    """Take a revision out of use: no alias can be pointed at it. By its commit id it is still found and downloaded.

    A revision that an alias names cannot be retired: promote another one or roll back first.
    """
    return PromotionView.of(
        services.registry.promotions.retire(namespace, name, body.revision, by=user.who, why=body.why)
    )


@router.delete(
    "/retirements/{revision}", summary="Restore a retired revision", responses=error_responses(404, 422)
)
def restore(
    services: ServicesDep,
    user: Writer,
    namespace: str,
    name: str,
    revision: str,
    why: Annotated[str, Query(max_length=1000, description="The reason.")] = "",
) -> PromotionView:
    """Let aliases be pointed at it again."""
    return PromotionView.of(
        services.registry.promotions.restore(namespace, name, revision, by=user.who, why=why)
    )


@router.get("/compare", summary="Compare two revisions", responses=error_responses(404, 422, 429))
async def compare_stored(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    old: Annotated[str, Query(alias="from", max_length=255, description="One revision.")],
    new: Annotated[str, Query(alias="to", max_length=255, description="The other.")] = "main",
    metric: Annotated[str | None, Query(max_length=50, description="The measure that decides.")] = None,
) -> ComparisonView:
    """Measures with intervals, size and speed of both, and what they answer about labelled rows of the job that made
    one of them, where the platform has these and they are yours: test rows, else the rows that students learnt from.
    """
    found = await compare(services, user, (namespace, name), old, new, metric=metric)
    return ComparisonView.model_validate(found)


@router.post(
    "/compare", summary="Compare two revisions on your rows", responses=error_responses(404, 413, 422, 429)
)
async def compare_given(
    services: ServicesDep, user: Reader, namespace: str, name: str, body: CompareBody
) -> ComparisonView:
    """The same, on labelled rows of yours: which answers flipped, for better or worse, and whether the difference is more
    than chance.
    """
    source = RowSource(body.rows)
    found = await compare(
        services, user, (namespace, name), body.old, body.new, source=source, metric=body.metric
    )
    return ComparisonView.model_validate(found)


@router.get("/lineage", summary="Where a model comes from", responses=error_responses(404, 422))
def show_lineage(
    services: ServicesDep,
    user: Reader,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=255, description="Commit, branch or alias.")] = "main",
) -> LineageView:
    """Data by origin, teachers, generators, base model and language models with their licences, job, parent revision,
    and with what it was made: names, numbers and digests, none of the data itself.
    """
    return LineageView.model_validate(lineage_of(services, namespace, name, revision).as_json())
