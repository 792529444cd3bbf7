"""Runs the steps of the Dockerfile in a fresh Debian, without a container engine, and tries the site that comes of it.

    sudo python3 scripts/try_image.py [FOLDER]       Linux, with debootstrap

FOLDER is where the root is made and removed again, /var/tmp if none is named.

The steps are read from the Dockerfile, so they are the ones an engine takes. Two things are stood in for: the image
that `FROM python:3.11-slim-CODENAME` names is made by debootstrap of that Debian, with its own Python in a virtual
environment at /usr/local; and where Debian and Python packages come from is what this machine's apt and pip are told.

Then the site runs as the image says, as its user, on a read-only root with only /tmp, /dev/shm and /data to write to,
and no network but the loopback: somebody signs in, asks, reads the answer, and asks again while SIGTERM arrives.

Standard library only. Every mount is made in a namespace of this program's own and goes with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import fnmatch
import http.client
import http.cookies
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
CODENAME = re.compile(r"python:3\.\d+-slim-([a-z]+)")
ADMINISTRATOR = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_PASSWORD": "correct horse battery",
}
READY_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 60, 120, 45

Instruction = tuple[str, str]  # RUN, COPY, … and what follows


def fail(sentence: str) -> NoReturn:
    sys.exit(sentence)


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


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
            fail(f"The Dockerfile has {name}, which scripts/try_image.py does not know yet.")
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
    environment = None if variables is None else variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
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
    for path in ("etc/resolv.conf", "etc/hosts"):
        if Path("/", path).is_file():
            shutil.copyfile(Path("/", path), root / path)
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


# --- Trying it -------------------------------------------------------------------------------------------------------


class Person:
    """Somebody with a browser, in a few lines of the standard library."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> http.client.HTTPResponse:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        link.request(
            method,
            path,
            body,
            {"Cookie": cookies, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )
        reply = link.getresponse()
        for value in reply.headers.get_all("Set-Cookie", []):
            self.cookies.update({n: c.value for n, c in http.cookies.SimpleCookie(value).items()})
        return reply

    def sign_in(self, username: str, password: str) -> None:
        page = self.ask("GET", "/accounts/login/").read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if not token:
            fail("The page to sign in has no form.")
        fields = {"csrfmiddlewaretoken": token[1], "login": username, "password": password}
        kind = "application/x-www-form-urlencoded"
        reply = self.ask(
            "POST", "/accounts/login/", urllib.parse.urlencode(fields).encode(), Content_Type=kind
        )
        if reply.status != 302:
            fail(f"Signing in was answered with {reply.status}.")

    def send(self, text: str, **fields: object) -> Iterator[tuple[str, dict[str, Any]]]:
        """Ask; the events of the answer. While the models are still being read, again in a moment, as the page says."""
        body = json.dumps({"content": text, "client_id": str(uuid.uuid4()), **fields}).encode()
        headers = {"Content_Type": "application/json", "Accept": "application/json"}
        end = time.monotonic() + READY_SECONDS
        while True:
            token = self.cookies["csrftoken"]
            reply = self.ask("POST", "/c/", body, X_CSRFToken=token, **headers)
            if reply.status == 201:
                return self.events(json.load(reply)["events"])
            if reply.status != 503 or time.monotonic() > end:
                fail(f"The message was answered with {reply.status}: {reply.read().decode()}")
            time.sleep(0.5)

    def events(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        name = ""
        for raw in self.ask("GET", f"{path}?format=text"):
            field, _colon, value = raw.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def serve(image: Image, started: Callable[[str], None]) -> None:
    """Run the image's command and try it. Called with namespaces of its own: processes, mounts, network."""
    raise_loopback()
    data = image.inside("/data")
    mount("--bind", str(image.root), str(image.root))
    mount("--bind", str(data), str(data))
    mount("--options", "remount,ro,bind", str(image.root))
    for place in ("/tmp", "/dev/shm"):  # noqa: S108 (in the image)
        mount("--types", "tmpfs", "tmpfs", str(image.inside(place)))
    mount("--types", "proc", "proc", str(image.inside("/proc")))
    variables = {**image.variables, **ADMINISTRATOR}
    site = subprocess.Popen(image.chroot(*image.command), env=variables)
    try:
        until_live(image, site)
        started(f"{shlex.join(image.command)}: the image's own health check says that it lives")
        person = Person(image.port)
        person.sign_in(*ADMINISTRATOR.values())
        started("Signed in")
        first = list(person.send("What is the capital of France?", max_tokens=40, temperature=0))
        if first[-1][1].get("status") != "complete":
            fail(f"The answer ended so: {first[-1]}")
        started(
            f"An answer of {len(''.join(e['text'] for n, e in first if n == 'delta'))} characters"
        )
        drain(image, site, person)
        started("SIGTERM in the middle of an answer: it was finished, and the site ended with 0")
    finally:
        site.kill()
    left = [path for path in data.rglob("*") if path.is_file()]
    tell(f"In /data: {', '.join(sorted(path.name for path in left))}")


def until_live(image: Image, site: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while subprocess.run(
        image.chroot(*image.check), env=image.variables, capture_output=True
    ).returncode:
        if site.poll() is not None or time.monotonic() > end:
            fail("The site did not come up.")
        time.sleep(0.2)


def drain(image: Image, site: subprocess.Popen[bytes], person: Person) -> None:
    events = person.send("Name ten cities.", max_tokens=30, temperature=0)
    name, last = next(events)
    site.send_signal(signal.Signals[image.stop_signal])
    *_rest, (name, last) = events
    if name != "end" or last["status"] != "complete":
        fail(f"The answer that ran when the site was told to stop ended so: {name} {last}")
    if site.wait(STOP_SECONDS):
        fail(f"The site ended with {site.returncode}.")


def raise_loopback() -> None:
    """A new network namespace has one, switched off."""
    set_flags, up_and_running = 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", up_and_running))


# --- The whole -------------------------------------------------------------------------------------------------------


def leave_namespaces(*flags: int) -> None:
    """Have new ones instead of this machine's. That of processes takes effect in the next child."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(sum(flags)):
        fail(f"unshare: {os.strerror(ctypes.get_errno())}. This needs root.")


NEW_MOUNTS, NEW_NETWORK, NEW_PROCESSES = 0x0002_0000, 0x4000_0000, 0x2000_0000


def megabytes(root: Path) -> int:
    done = subprocess.run(["du", "-sxm", str(root)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


class Log:
    def __init__(self) -> None:
        self.since = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        tell(f"{now - self.since:7.1f} s  {text}")
        self.since = now


def try_image(root: Path) -> None:
    """The whole, in a process of its own that has namespaces of its own."""
    leave_namespaces(NEW_MOUNTS)
    mount("--make-rprivate", "/")
    image, log = Image(root), Log()
    base = 0
    for name, rest in instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        image.take(name, rest)
        if name in {"FROM", "RUN", "COPY"}:
            log(f"{name} {' '.join(rest.split())}"[:100])
        if name == "FROM":
            base = megabytes(root)
    give_back()
    tell(
        f"The steps add {megabytes(root) - base} MB to {base} MB, which are Debian with its Python."
    )
    leave_namespaces(NEW_NETWORK, NEW_PROCESSES)
    if in_child(lambda: serve(image, Log())):
        fail("The image was built, but what came of it does not work.")


def in_child(work: Callable[[], None]) -> int:
    """Run it in a process of its own; its exit code."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            tell(str(end.code))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(words: list[str]) -> None:
    if os.geteuid() or not shutil.which("debootstrap"):
        fail("This needs root and debootstrap. Type: sudo apt-get install debootstrap")
    folders = [Path(word).resolve() for word in words]
    if len(folders) > 1:
        fail("Name one folder at most.")
    folder = folders[0] if folders else Path("/var/tmp")  # noqa: S108 (a new one in it)
    root = Path(tempfile.mkdtemp(prefix="chatsite-image-", dir=folder))
    root.chmod(0o755)
    try:
        code = in_child(lambda: try_image(root))
    finally:
        remove(root)
    sys.exit(code)


def remove(root: Path) -> None:
    """Only what was made: mounts have ended with the child's namespace, or nothing is removed."""
    if any(str(root) in line for line in Path("/proc/self/mountinfo").read_text().splitlines()):
        fail(f"{root} still shows folders of this machine, so it was left there.")
    subprocess.run(["rm", "--recursive", "--force", "--one-file-system", str(root)], check=False)


if __name__ == "__main__":
    main(sys.argv[1:])
