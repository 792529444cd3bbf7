"""The Dockerfile's steps, taken in a folder: what an engine would make of it, as root and without one.

The steps are read from the Dockerfile, so they are the ones an engine takes. Two things are stood in for: the image
that `FROM python:3.11-slim-CODENAME` names is made by debootstrap of that Debian, with its own Python in a virtual
environment at /usr/local; and where Debian and Python packages come from is what this machine's apt and pip are told.

Standard library only. Mounts are the caller's: it has to be in a namespace of its own.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
CODENAME = re.compile(r"python:3\.\d+-slim-([a-z]+)")

Instruction = tuple[str, str]  # RUN, COPY, … and what follows


def fail(sentence: str) -> NoReturn:
    sys.exit(sentence)


# --- What the files say --------------------------------------------------------------------------------------------


def instructions(dockerfile: str) -> list[Instruction]:
    """The instructions in their order, continued lines joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", "", "\n".join(lines))
    found = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(name.upper(), rest.strip()) for name, _space, rest in found]


def context(root: Path) -> list[Path]:
    """The files that .dockerignore lets through, relative to root. The last rule that fits decides, as with Docker."""
    text = (root / ".dockerignore").read_text(encoding="utf-8")
    rules = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    large = {".git", ".venv", "data", "staticfiles"}  # ignored anyway
    top = (path for path in root.iterdir() if path.name not in large)
    files = (path.relative_to(root) for one in top for path in _files_below(one))
    return sorted(path for path in files if not _is_ignored(path, rules))


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_symlink():
        return
    if path.is_dir():
        for child in path.iterdir():
            yield from _files_below(child)
    else:
        yield path


def _is_ignored(path: Path, rules: list[str]) -> bool:
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").rstrip("/")
        names = [str(path), *map(str, path.parents)][:-1]
        if any(_fits(name, pattern) for name in names):
            ignored = not rule.startswith("!")
    return ignored


def _fits(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(name.rpartition("/")[2], pattern.removeprefix("**/"))
    return name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)


# --- Building ------------------------------------------------------------------------------------------------------


class Image:
    """What an engine keeps beside the files: where and as whom the next step runs, with which variables."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.arguments: dict[str, str] = {}  # ARG, for the steps only
        self.variables = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.folder, self.user = "/", "0"
        self.command: list[str] = []
        self.check: list[str] = []
        self.port = 0
        self.stop_signal = "SIGTERM"

    def take(self, name: str, rest: str) -> None:
        """One instruction. One that this program does not know is refused rather than left out."""
        step: Callable[[str], None] | None = getattr(self, f"take_{name.lower()}", None)
        if step is None:
            fail(f"The Dockerfile has {name}, which scripts/image.py does not know yet.")
        step(rest)

    def take_from(self, rest: str) -> None:
        codename = CODENAME.fullmatch(rest)
        if not codename:
            fail(f"FROM {rest}: only python:3.*-slim-CODENAME can be stood in for.")
        mirror = apt_mirror()
        quietly(["debootstrap", "--variant=minbase", codename[1], str(self.root), *mirror])
        borrow_apt(self.root)
        self.run("apt-get update && apt-get install -y --no-install-recommends python3-venv")
        self.run("python3 -m venv /usr/local && apt-get clean && rm -rf /var/lib/apt/lists/*")

    def take_arg(self, rest: str) -> None:
        name, _equals, default = rest.partition("=")
        self.arguments[name] = default

    def take_env(self, rest: str) -> None:
        self.variables.update(word.partition("=")[::2] for word in shlex.split(rest))

    def take_workdir(self, rest: str) -> None:
        self.folder = rest
        self.inside(rest).mkdir(parents=True, exist_ok=True)

    def take_copy(self, rest: str) -> None:
        *sources, target = shlex.split(rest)
        folder = self.inside(str(Path(self.folder) / target))
        for path in context(ROOT):
            for source in sources:
                if source == ".":
                    place = folder / path
                elif str(path) == source:
                    place = folder / path.name
                else:
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, place)

    def take_run(self, rest: str) -> None:
        self.run(rest)

    def take_user(self, rest: str) -> None:
        self.user = rest

    def take_expose(self, rest: str) -> None:
        self.port = int(rest)

    def take_stopsignal(self, rest: str) -> None:
        self.stop_signal = rest

    def take_healthcheck(self, rest: str) -> None:
        self.check = json.loads(rest.partition("CMD ")[2])

    def take_cmd(self, rest: str) -> None:
        self.command = json.loads(rest)

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def chroot(self, *command: str) -> list[str]:
        """The line that runs a command in the image, as its user, in its folder. Debian's chroot cannot do the last."""
        enter = 'cd "$1" && shift && exec "$@"'
        user = f"--userspec={self.user}:{self.user}"
        return ["chroot", user, str(self.root), "sh", "-c", enter, "sh", self.folder, *command]

    def run(self, line: str) -> None:
        variables = {**borrowed_pip(self.root), **self.arguments, **self.variables}
        quietly(self.chroot("sh", "-c", line), {**variables, "DEBIAN_FRONTEND": "noninteractive"})


def quietly(command: list[str], variables: dict[str, str] | None = None) -> None:
    """Run to the end; what it printed is shown if it fails, and may name this machine's mirrors."""
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"{done.stdout}\n{done.stderr}\nThis failed: {shlex.join(command)}")


# --- What this machine's apt and pip are told ------------------------------------------------------------------------


def apt_mirror() -> list[str]:
    """The first archive in this machine's sources, for debootstrap; its own choice where they name none."""
    folder = Path("/etc/apt")
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.suffix in {".list", ".sources"} and path.is_file():
            found = re.search(r"^(?:URIs:|deb(?: \[.*\])?) +(\S+)", path.read_text(), re.M)
            if found:
                return [found[1]]
    return []


def borrow_apt(root: Path) -> None:
    """Sources and settings of this machine, and how it finds hosts."""
    for name in ("etc/resolv.conf", "etc/hosts"):
        if Path("/", name).is_file():
            shutil.copyfile(Path("/", name), root / name)
    for path in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
        shutil.copyfile(path, root / path.relative_to("/"))


def borrowed_pip(root: Path) -> dict[str, str]:
    """Variables that have pip in the image do as pip here; folders that its settings name are mounted there."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    words = list(variables.values())
    for path in (Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf")):
        if path.is_file():
            words += path.read_text().split()
            borrow(path.parent if path.parent.name == "pip" else path, root)
    for word in words:
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.is_dir():
            borrow(path, root)
        if path.suffix in {".crt", ".pem"} and path.is_file():
            # Not at its own place, where the image has its own, which know nobody else.
            shutil.copyfile(path, root / "tmp/certificates")
            variables["PIP_CERT"] = "/tmp/certificates"  # noqa: S108 (in the image)
    return variables


borrowed: list[Path] = []


def borrow(path: Path, root: Path) -> None:
    """Show a file or folder of this machine at the same place in the image, until the image is built."""
    place = root / path.relative_to("/")
    if place in borrowed:
        return
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()
    mount("--bind", "--read-only", str(path), str(place))
    borrowed.append(place)


def give_back() -> None:
    while borrowed:
        quietly(["umount", str(borrowed.pop())])


def mount(*arguments: str) -> None:
    quietly(["mount", *arguments])
