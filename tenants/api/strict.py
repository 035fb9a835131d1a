"""Input that is read to the last field: a misspelt one is an error, never passed over."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know; use it for every body that is sent in."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values; raises `ValidationError` that names each unknown field."""
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                known = f"Unknown field. Known are: {', '.join(self.fields)}."
                raise serializers.ValidationError(
                    {str(name)[:64]: [known] for name in unknown[:20]}
                )
        return super().to_internal_value(data)
