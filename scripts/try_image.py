"""Tries the image of the Dockerfile without a container engine: image.py takes its steps in a fresh Debian.

    sudo python3 scripts/try_image.py [FOLDER]       Linux, with debootstrap

FOLDER is where the root is made and removed again, /var/tmp if none is named.

Then the site runs as the image says, as its user, on a read-only root with only /tmp, /dev/shm and /data to write to,
and no network but the loopback: somebody signs in, asks, reads the answer, and asks again while SIGTERM arrives.

Standard library only. Every mount is made in a namespace of this program's own and goes with it.
"""

from __future__ import annotations

import ctypes
import fcntl
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
from typing import Any

from image import ROOT, Image, fail, give_back, instructions, mount

ADMINISTRATOR = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_PASSWORD": "correct horse battery",
}
READY_SECONDS, ANSWER_SECONDS, STOP_SECONDS = 60, 120, 45


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


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
