"""The pages of the site are sent without the indentation of their templates: nothing compresses them on their way."""

from __future__ import annotations

import re

from django.template import Origin
from django.template.loaders.filesystem import Loader

INDENTED = re.compile(r"^[ \t]+", re.MULTILINE)


class FlushLeft(Loader):
    """Takes indentation out of the template's text, once; what a page fills in stays as it is."""

    def get_contents(self, origin: Origin) -> str:
        text = super().get_contents(origin)
        return INDENTED.sub("", text) if str(origin.name).endswith(".html") else text
