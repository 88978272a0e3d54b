"""The pattern of every URL by its name."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def named_patterns() -> dict[str, str]:
    """Return the pattern of every named URL, as `/cases/<uuid:pk>/`."""
    return dict(_walk(get_resolver(), "/", ""))


def _walk(resolver: URLResolver, path: str, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        below = f"{path}{str(entry.pattern).removeprefix('^')}"
        if isinstance(entry, URLPattern):
            yield f"{prefix}{entry.name}", below
        else:
            yield from _walk(entry, below, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)
