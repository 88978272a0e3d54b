"""TODO: ml.datasets.disjoint_sets."""

from __future__ import annotations


class DisjointSets:
    """Disjoint sets of names that grow together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the name that stands for the whole set; always its smallest."""
        self._parent.setdefault(name, name)
        while (parent := self._parent[name]) != name:
            self._parent[name] = self._parent[parent]
            name = parent
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        small, large = sorted((self.find(one), self.find(other)))
        self._parent[large] = small
