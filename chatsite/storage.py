"""Static files under names that carry their hash, JavaScript imports included, compressed once at build time.

A stylesheet's `@import "./part.css" layer(name);` lines are replaced by the parts themselves, so that a page loads one
file. Without `collectstatic` (runserver) the browser follows the imports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

Paths = dict[
    str, tuple[Any, str]
]  # name below STATIC_ROOT → the storage it comes from and its path there

IMPORT = re.compile(
    r"""^@import\s+"(?P<target>\.{1,2}/[^"]+)"(?:\s+layer\((?P<layer>[\w.-]+)\))?;[ \t]*$""", re.M
)


def joined(name: str, paths: Paths) -> str:
    """The stylesheet with its imports in their places, in their layers.

    Imported files may import others but may not use relative `url()`, which would change its meaning.
    Raises KeyError for an import of a file that does not exist.
    """

    def part(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match["target"]))
        css = joined(target, paths)
        return f"@layer {match['layer']} {{\n{css}}}" if match["layer"] else css

    storage, path = paths[name]
    with storage.open(path) as file:
        return IMPORT.sub(part, file.read().decode())


class JoinedStylesheet(Storage):
    """Stands in for the storage of one stylesheet and opens it joined."""

    def __init__(self, css: str) -> None:
        self.css = css

    def _open(self, name: str, mode: str = "rb") -> ContentFile[bytes]:
        return ContentFile(self.css.encode(), name)


class HashedStaticStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    manifest_strict = True

    def post_process(
        self, paths: Paths, dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str | None, Any]]:
        sources = {
            name: (JoinedStylesheet(joined(name, paths)), path) if name.endswith(".css") else source
            for name, source in paths.items()
            for path in [source[1]]
        }
        yield from super().post_process(sources, dry_run=dry_run, **options)
