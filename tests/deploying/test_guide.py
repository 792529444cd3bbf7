"""docs/deploying.md: a test named here runs each of its commands, or they are marked as needing the outside world."""

from __future__ import annotations

import re

from tests.processes import ROOT

GUIDE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.M | re.S)

# A command, by its beginning, and the file with the test that runs it.
RUN_BY = {
    "make azure-zip": "tests/deploying/test_app_service.py",
    "make space": "tests/deploying/test_space.py",
    "/srv/chatsite/deploy/chatsite install --host": "tests/deploying/test_bare_server.py",
    "systemctl restart chatsite": "tests/deploying/test_bare_server.py",
    "chatsite status": "tests/deploying/test_bare_server.py",
    "chatsite manage create_key": "tests/deploying/test_bare_server.py",
    "chatsite manage setup_link": "tests/deploying/test_bare_server.py",
    "chatsite backup /root/today": "tests/deploying/test_bare_server.py",
    "chatsite restore /root/today": "tests/deploying/test_bare_server.py",
    "chatsite upgrade v1.2.0": "tests/deploying/test_bare_server.py",
    "chatsite upgrade": "tests/deploying/test_bare_server.py",
    "chatsite rollback --with-database": "tests/deploying/test_bare_server.py",
    "chatsite rollback": "tests/deploying/test_bare_server.py",
    "sudo python3 scripts/try_image.py": "tests/deploying/test_container.py",
}
OUTSIDE = {"apt-get", "az", "docker", "git", "heroku", "hf", "pip", "runuser", "sed"}
SHOWN = {"ini", "nginx", "caddy", "text"}  # files and output, which are no commands


MARK = re.compile(r" *# outside\n")


def commands(block: str) -> list[str]:
    """The lines of a block as the shell joins them, without comments."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_every_command_is_run_by_a_test_or_marked() -> None:
    seen = set()
    for _indent, kind, block in BLOCK.findall(GUIDE):
        if kind in SHOWN or MARK.match(block):
            continue
        assert kind == "sh", kind
        for command in commands(block):
            runner = max(
                (begin for begin in RUN_BY if command.startswith(begin)), key=len, default=None
            )
            assert runner, f"no test runs: {command}"
            seen.add(runner)
    assert seen == set(RUN_BY)
    for begin, file in RUN_BY.items():
        # As it reads without what makes a list of it: ["make", "space"] is make space.
        text = re.sub(r'[",\s]+', " ", (ROOT / file).read_text(encoding="utf-8"))
        assert begin in text, (begin, file)


def test_every_link_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", GUIDE, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", GUIDE)) <= headings


def test_what_is_marked_says_so_for_a_reason() -> None:
    """No command that could be run here hides behind the mark."""
    for _indent, kind, block in BLOCK.findall(GUIDE):
        if MARK.match(block):
            assert kind == "sh"
            for command in commands(block):
                assert command.split()[0] in OUTSIDE, command
