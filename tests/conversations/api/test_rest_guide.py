"""The examples of docs/rest.md, one after the other, by curl at a running site: replies are as the page shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conversations.test_processes import PERSON
from tests.processes import ROOT, Site
from tests.upstream import Upstream

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(180),
]

GUIDE = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|json|)\n(.*?)^```$", re.M | re.S)
NAMES = ("conversation", "completion")  # which later examples use, in capitals


def test_every_example(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Site(tmp_path, **PERSON, OPENAI_BASE_URL=upstream.url).wait_until_ready() as site,
    ):
        variables = {"SITE": site.url, "KEY": site.make_key("root")}
        replies = ""
        shown = 0
        for kind, block in BLOCK.findall(GUIDE)[1:]:
            if kind == "sh":
                follow_what_runs(variables)
                replies = run(block, variables)
                remember(replies, variables)
            elif kind == "json":
                assert_like(json.loads(block), json.loads(replies))
                shown += 1
            else:
                assert re.findall(r"^event: (\w+)$", block, re.M)[-1] == "end"
                assert "event: delta" in replies
                assert "event: end" in replies
        assert shown >= 8


def run(script: str, variables: dict[str, str]) -> str:
    """What curl printed; a failure of the connection fails the test."""
    environment = {**os.environ, **variables, "NO_PROXY": "*"}
    done = subprocess.run(
        ["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (script, done.stderr)
    assert "$" not in re.sub(r'"\$\w+|\$(SITE|KEY|CONVERSATION|COMPLETION)', "", script)
    return done.stdout


def remember(replies: str, variables: dict[str, str]) -> None:
    try:
        reply = json.loads(replies)
    except ValueError:
        return  # none, several, or a stream
    for name in NAMES:
        if name in reply:
            variables[name.upper()] = reply[name]


def follow_what_runs(variables: dict[str, str]) -> None:
    """The page's reader waits for an answer before the next message; so does this one."""
    if "COMPLETION" in variables:
        run(
            'curl -sN $SITE/api/v1/completions/$COMPLETION/events -H "Authorization: Bearer $KEY"',
            variables,
        )


def assert_like(example: Any, reply: Any, where: str = "") -> None:
    """The reply has what the example has, of the same kind; what it has besides is not shown."""
    if isinstance(example, dict):
        assert isinstance(reply, dict), where
        for name in example:
            assert name in reply, f"{where}.{name}"
            assert_like(example[name], reply[name], f"{where}.{name}")
    elif isinstance(example, list):
        assert isinstance(reply, list), where
        if example:
            assert reply, where
            assert_like(example[0], reply[0], where)
    elif example is not None and reply is not None:
        assert isinstance(reply, type(example)), where
