"""Union-find over strings."""

from __future__ import annotations


class DisjointSets:
    """Disjoint sets of names; a name that was never joined is a set of its own."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the representative of the name's set, which is the smallest name in it."""
        self._parent.setdefault(name, name)
        while (parent := self._parent[name]) != name:
            self._parent[name] = self._parent[parent]
            name = parent
        return name

    def join(self, first: str, second: str) -> None:
        """Merge the sets of two names."""
        small, large = sorted((self.find(first), self.find(second)))
        self._parent[large] = small
