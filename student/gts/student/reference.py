"""What a student saw in rows like those it was made from, in numbers: how often a quantity fell where. None of their words."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Histogram(BaseModel):
    """How often a quantity fell into bins; bin ``i`` begins with ``edges[i - 1]`` and ends before ``edges[i]``.

    Attributes:
        edges: Where a bin ends and the next begins, ascending; the first and the last bin are open.
        counts: Rows in each bin, one more than there are edges.
        typical: The median; of what is counted, the mean.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    edges: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], Field(max_length=100)]
    counts: tuple[Annotated[int, Field(ge=0)], ...]
    typical: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.counts)} bins with {len(self.edges)} edges between them")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges that do not ascend")
        return self


class Reference(BaseModel):
    """What a student saw, and what it said of it: the optional field ``reference`` of ``gts.json``.

    Attributes:
        rows: Rows that were looked at.
        learnt: Whether the student has learnt from these rows. It is surer of them than of others, so that only what is measured
            on their text is kept.
        histograms: Quantity (see :func:`gts.student.observing.observe`) to its histogram.
        labels: Label or type to the rows that got it; a row with several counts for each in part, one with none for ``""``.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: Annotated[int, Field(ge=1)]
    learnt: bool = False
    histograms: Annotated[dict[str, Histogram], Field(max_length=20)]
    labels: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
