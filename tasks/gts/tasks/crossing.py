"""Parts of a text that cross each other, which brackets cannot show."""

from __future__ import annotations

from gts.tasks.structures import Event, Structure


def without_crossing(structure: Structure) -> Structure:
    """A structure without the parts that cross an earlier one, and without the relations and events that need them.

    Example:
        >>> from gts.tasks.structures import Span
        >>> without_crossing(Structure((Span(0, 3), Span(2, 5), Span(3, 4)))).entities
        (Span(start=0, end=3, type=''), Span(start=3, end=4, type=''))
    """
    kept: list[tuple[int, int]] = []
    for start, minus_end in sorted({(span.start, -span.end) for span in structure.spans()}):
        if not any(other[0] < start < other[1] < -minus_end for other in kept):
            kept.append((start, -minus_end))
    places = set(kept)
    return Structure(
        tuple(span for span in structure.entities if (span.start, span.end) in places),
        tuple(
            relation
            for relation in structure.relations
            if all((span.start, span.end) in places for span in (relation.head, relation.tail))
        ),
        tuple(
            Event(
                event.type,
                event.trigger,
                tuple(part for part in event.arguments if (part.start, part.end) in places),
            )
            for event in structure.events
            if (event.trigger.start, event.trigger.end) in places
        ),
    )
