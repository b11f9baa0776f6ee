"""What a model named in a text, as a structure: every name at its place, what has none dropped and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gts.tasks.conforming import allows
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure
from gts.teacher.locating import Mention, Places, folded, gap, locate
from gts.teacher.named import Named, NamedEvent, NamedRelation

# Of a word that stands everywhere only so many places are weighed against each other.
_MAX_PLACES = 40


def place_named(
    text: str, named: Named, schema: Schema, given: Sequence[Span] | None = None
) -> tuple[Structure, Mapping[str, int]]:
    """The structure of what was named, and how much of it was left out, by why.

    Of several places of a relation's head and tail those are taken that lie nearest together, if the schema allows a relation
    between them; of an argument's, the nearest to the trigger. Heads and tails are among the given entities, or else are entities
    themselves.

    Args:
        text: The text.
        named: What was named in it.
        schema: What there is to be found.
        given: The entities, where they are given with the text; none is then added.

    Returns:
        The structure in order, and counts: ``hallucinated`` (stands nowhere in the text, or is no given entity), ``surplus``
        (named more often than it stands there), ``not allowed`` (a relation that the schema does not allow between them).

    Example:
        >>> named = Named((Mention("Ada", "name"), Mention("Bob", "name")))
        >>> place_named("Ada wrote", named, Schema(entities={"name": ""}))
        (Structure(entities=(Span(start=0, end=3, type='name'),), relations=(), events=()), {'hallucinated': 1})
    """
    placer = _Placer(text, schema, given)
    if given is None and (schema.entities or schema.relations):
        placer.entities(named.entities)
    relations = [relation for one in named.relations for relation in placer.relation(one)]
    events = list(placer.events(named.events))
    entities = () if given is not None else tuple(placer.known)
    return Structure(entities, tuple(relations), tuple(events)).ordered(), dict(+placer.counts)


class _Placer:
    def __init__(self, text: str, schema: Schema, given: Sequence[Span] | None) -> None:
        self._text, self._schema, self._given = text, schema, given
        self._places = Places(text)
        self.known: list[Span] = list(given or ())
        self.counts: Counter[str] = Counter()

    def entities(self, mentions: Sequence[Mention]) -> None:
        self.known += self._located(mentions).values()

    def relation(self, named: NamedRelation) -> Iterator[Relation]:
        kind = self._schema.relations[named.type]
        heads, tails = self._ends(named.head, kind.head), self._ends(named.tail, kind.tail)
        if not heads or not tails:
            self.counts["hallucinated"] += 1
            return
        pairs = [
            Relation(named.type, head, tail)
            for head in heads
            for tail in tails
            if (head.start, head.end) != (tail.start, tail.end)
        ]
        allowed = [relation for relation in pairs if allows(self._schema, relation)]
        if not allowed:
            self.counts["not allowed"] += 1
            return
        nearest = min(allowed, key=lambda relation: (gap(relation.head, relation.tail), relation))
        if self._given is None:
            self.known += [nearest.head, nearest.tail]
        yield nearest

    def _ends(self, mention: Mention, types: Sequence[str]) -> list[Span]:
        """Entities of these words, of the type that was said where there are such; else new ones."""
        words = folded(mention.text)
        known = [span for span in self.known if folded(span.of(self._text)) == words]
        if self._given is not None or known:
            return ([span for span in known if span.type == mention.type] or known)[:_MAX_PLACES]
        type_ = mention.type or (types[0] if len(types) == 1 else "")
        if self._schema.entities and not type_:
            return []
        return [Span(place.start, place.end, type_) for place in self._places.of(mention.text)][:_MAX_PLACES]

    def events(self, named: Sequence[NamedEvent]) -> Iterator[Event]:
        triggers = self._located([Mention(event.trigger, event.type) for event in named])
        for i, trigger in triggers.items():
            place = Span(trigger.start, trigger.end)
            yield Event(named[i].type, place, tuple(self._arguments(named[i].arguments, place)))

    def _arguments(self, named: Sequence[Mention], trigger: Span) -> Iterator[Argument]:
        asked: Counter[Mention] = Counter()
        for mention in named:
            places = sorted(self._places.of(mention.text), key=lambda place: (gap(place, trigger), place))
            if asked[mention] < len(places):
                place = places[asked[mention]]
                yield Argument(mention.type, place.start, place.end)
            else:
                self.counts["surplus" if places else "hallucinated"] += 1
            asked[mention] += 1

    def _located(self, mentions: Sequence[Mention]) -> dict[int, Span]:
        located = locate(self._text, mentions)
        self.counts["hallucinated"] += located.hallucinated
        self.counts["surplus"] += located.surplus
        return {i: span for i, span in enumerate(located.spans) if span is not None}
