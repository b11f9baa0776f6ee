"""The span student: one model that scores typed spans and links between them, for entities, relations and events."""
