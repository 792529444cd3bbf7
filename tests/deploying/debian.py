"""A fresh Debian in a folder, with a few packages, in which commands run as on a machine of its own.

It has its own processes and mounts, and the network of this machine. Needs root, debootstrap and Debian's archive.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.processes import children, identify, wait_for, wait_until_gone

PACKAGES = "ca-certificates,git,python3,python3-venv"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class Debian:
    """Use it as a context manager: at its end none of its processes is left. root: the folder."""

    def __init__(self, root: Path) -> None:
        assert os.geteuid() == 0, "Run this as root: it makes a Debian in a folder."
        assert shutil.which("debootstrap"), "Type: apt-get install -y debootstrap"
        self.root = root
        if made := os.environ.get("DEBIAN_ROOT"):  # by debootstrap, earlier
            subprocess.run(["cp", "--archive", f"{made}/.", root], check=True)
        else:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        for name in ("/etc/resolv.conf", CERTIFICATES):
            shutil.copyfile(name, root / name.lstrip("/"))

    def __enter__(self) -> Self:
        mounts = f"mount -t proc proc {self.root}/proc && mount --rbind /dev {self.root}/dev"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
             f"{mounts} && exec sleep infinity"],
        )  # fmt: skip
        self.first = wait_for(lambda: next(iter(children(self.holder.pid)), 0), what="a process")
        self.last = identify(self.first)
        wait_for(lambda: self.call("test", "-e", "/proc/self").returncode == 0, what="its mounts")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.holder.kill()
        self.holder.wait()
        wait_until_gone([self.last])
        shutil.rmtree(self.root)  # gigabytes

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        pip = {
            k: v for k, v in os.environ.items() if k.startswith("PIP_") and k != "PIP_FIND_LINKS"
        }
        return subprocess.run(
            ["nsenter", f"--target={self.first}", "--mount", "--pid", "chroot", self.root, *command],
            env={
                **pip,
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root",
                "LANG": "C.UTF-8",
                "PIP_CACHE_DIR": "/var/cache/pip",
                "PIP_CERT": CERTIFICATES,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    def run(self, *command: str, check: bool = True) -> str:
        """What it prints."""
        done = self.call(*command)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout
