"""A cache that holds what was used last, up to a weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recall(Generic[K, V]):
    """Least recently used goes first. Not for several threads at once."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of the key, made if it is not held. What weighs more than the limit alone is not kept."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        self._values[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._limit and self._values:
            _, old = self._values.popitem(last=False)
            self._weight -= self._weigh(old)
        return value
