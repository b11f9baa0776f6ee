"""What a task of extraction looks for: entity types, relation types, event types with their roles."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Kind(BaseModel):
    """A type; its description alone may stand for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _described(cls, value: Any) -> Any:
        if value is None:
            return {}
        return {"description": value} if isinstance(value, str) else value


class EntityType(_Kind):
    """A type of entity.

    Attributes:
        description: What belongs to it, in a sentence.
    """


class RelationType(_Kind):
    """A type of relation.

    Attributes:
        description: What it says, in a sentence.
        head: Entity types it may start from; empty for any.
        tail: Entity types it may lead to; empty for any.
    """

    head: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()

    @field_validator("head", "tail", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class EventType(_Kind):
    """A type of event.

    Attributes:
        description: What happens, in a sentence.
        roles: Role to its description; a list of names will do.
    """

    roles: dict[str, str] = Field(default_factory=dict)

    @field_validator("roles", mode="before")
    @classmethod
    def _list_to_mapping(cls, value: Any) -> Any:
        if isinstance(value, list):
            return dict.fromkeys(map(str, value), "")
        return {role: text or "" for role, text in value.items()} if isinstance(value, dict) else value


class Schema(BaseModel):
    """Everything a task of extraction looks for.

    Attributes:
        entities: Entity types by name.
        relations: Relation types by name.
        events: Event types by name.

    Example:
        >>> Schema(relations={"works for": {"head": ["person"]}}).relations["works for"].head
        ('person',)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    entities: dict[str, EntityType] = Field(default_factory=dict)
    relations: dict[str, RelationType] = Field(default_factory=dict)
    events: dict[str, EventType] = Field(default_factory=dict)
