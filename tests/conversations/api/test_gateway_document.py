"""What `docs/v1.openapi.json` and `docs/gateway.md` say is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from conversations.api.gateway import urls, views

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_address_is_described() -> None:
    described = json.loads((DOCS / "v1.openapi.json").read_text("utf-8"))["paths"]
    served = {
        "/v1/" + str(entry.pattern).replace("<path:name>", "{name}")
        for entry in urls.urlpatterns
        if entry.callback is not views.unknown
    }
    assert set(described) == served
    told = (DOCS / "gateway.md").read_text("utf-8")
    for path in served - {"/v1/models/{name}"}:
        assert f"{path}`" in told or f"{path.removeprefix('/v1')}`" in told


def test_every_code_is_told() -> None:
    source = "".join(
        path.read_text("utf-8")
        for path in (
            Path(views.__file__).parent / "requests.py",
            Path(views.__file__).parent / "refusals.py",
        )
    )
    told = (DOCS / "gateway.md").read_text("utf-8")
    codes = set(re.findall(r'code(?:: str)?(?: = |=)"(\w+)"', source))
    codes |= set(re.findall(r'\d{3},\s+"\w+",\s+"(\w+)"', source))
    assert len(codes) > 10
    for code in codes:
        assert code in told or code.startswith(("upstream_", "timeout_"))
