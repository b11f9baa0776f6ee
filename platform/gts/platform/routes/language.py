"""Routes about the site's language models."""

from __future__ import annotations

from pathlib import PurePath

from fastapi import APIRouter

from gts.core.llm.entries import ModelEntry, entries
from gts.platform.auth import GuardedRoute, Inferrer, Reader
from gts.platform.errors import error_responses
from gts.platform.probing import probe
from gts.platform.schemas import LanguageModels, LanguageModelView, ProbeAnswer, ProbeBody

router = APIRouter(tags=["language models"], route_class=GuardedRoute)


@router.get("/language-models", summary="List the site's language models", responses=error_responses(422))
def list_language_models(user: Reader) -> LanguageModels:
    """Models that a task may name under `teachers` and `generators`. Addresses and keys are not told."""
    return LanguageModels(models=[_view(entry) for entry in entries()])


@router.post(
    "/probe", summary="Ask a local model whether a statement holds", responses=error_responses(422, 503)
)
async def probe_model(user: Inferrer, body: ProbeBody) -> ProbeAnswer:
    """Which does the model find likelier, the statement or its opposite? One probe at a time; loading the model takes its time."""
    answer = await probe(body.subject, body.relation, body.object, body.model, body.opposite)
    return ProbeAnswer.model_validate(answer)


def _view(entry: ModelEntry) -> LanguageModelView:
    model = PurePath(entry.model).name if entry.kind == "transformers" else entry.model
    return LanguageModelView(
        name=entry.name,
        kind=entry.kind,
        model=model,
        price_input=entry.price.input,
        price_output=entry.price.output,
    )
