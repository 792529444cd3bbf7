"""scripts/bootstrap.py: what it decides, and a real virtual environment made from empty locks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.processes import ROOT, family, scratch_environment, wait_for, wait_until_gone

SCRIPT = ROOT / "scripts" / "bootstrap.py"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": " "}, True),
        ({"OPENAI_API_KEY": "sk-1"}, False),
        ({"OPENAI_API_KEY_FILE": "/run/secrets/key"}, False),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}, False),
        ({"LOCAL_MODEL": "off"}, False),
        ({"LOCAL_MODEL": "/models/large.gguf"}, True),
    ],
)
def test_the_model_is_installed_unless_an_endpoint_is_configured(
    bootstrap: ModuleType, environment: dict[str, str], wanted: bool
) -> None:
    assert bootstrap.wants_local_model(environment) is wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("", False), ("off", False), ("loud", False), ("on", True), (" True ", True), ("1", True)],
)
def test_speech_is_installed_when_it_is_on(
    bootstrap: ModuleType, tmp_path: Path, value: str, wanted: bool
) -> None:
    assert bootstrap.wants_local_speech({"LOCAL_SPEECH": value}) is wanted
    (tmp_path / "value").write_text(value)
    file = str(tmp_path / "value")
    assert bootstrap.wants_local_speech({"LOCAL_SPEECH_FILE": file}) is wanted
    assert not bootstrap.wants_local_speech({"LOCAL_SPEECH_FILE": str(tmp_path / "none")})
    assert not bootstrap.wants_local_speech({})


def test_dotenv_is_read_for_its_names(bootstrap: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# OPENAI_API_KEY=no\nexport LOCAL_MODEL='off'\n\nPORT = 8001\nnonsense\nA=b=c\n"
    )
    assert bootstrap.read_dotenv(file) == {"LOCAL_MODEL": "off", "PORT": "8001", "A": "b=c"}
    assert bootstrap.read_dotenv(tmp_path / "none") == {}
    assert bootstrap.read_dotenv(tmp_path) == {}


def test_a_changed_lock_changes_its_stamp(bootstrap: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("one")
    before = bootstrap.stamp_of(("lock",), tmp_path)
    assert bootstrap.stamp_of(("lock",), tmp_path) == before
    (tmp_path / "lock").write_text("two")
    assert bootstrap.stamp_of(("lock",), tmp_path) != before


def test_missing_libraries_are_named_as_packages(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert bootstrap.has_library("libc.so.6")
    assert not bootstrap.has_library("libnowhere.so.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "chromium-headless-shell" in bootstrap.missing_packages(model=False, tests=True)
    assert bootstrap.missing_packages(model=False, tests=False) == []
    browser = tmp_path / "chromium"
    browser.touch(mode=0o755)
    assert "chromium-headless-shell" not in bootstrap.missing_packages(model=False, tests=True)


def test_without_root_the_line_to_type_is_printed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as end:
        bootstrap.install_packages(["libgomp1", "python3-venv"])
    assert end.value.code == (
        "The system lacks libgomp1 and python3-venv."
        " Type: sudo apt-get install -y --no-install-recommends libgomp1 python3-venv"
    )


def test_an_old_python_is_refused_in_a_sentence() -> None:
    program = (
        "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = ['bootstrap.py', 'run'];"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert result.stderr == (
        "Chatsite needs Python 3.11 or newer, and this is 3.9. Type: make run PYTHON=python3.11\n"
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without requirements, whose site is one line."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "manage.py").write_text("import sys; print('manage.py', *sys.argv[1:])\n")
    return tmp_path


def make_run(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "run", f"PYTHON={sys.executable}"],
        cwd=project,
        env=scratch_environment(project, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.processes
def test_sets_up_once_and_again_only_what_changed(project: Path) -> None:
    first = make_run(project)
    assert first.returncode == 0, first.stderr
    steps = first.stdout.splitlines()
    assert [step.partition(" … ")[0] for step in steps] == [
        "Virtual environment",
        "Packages (site)",
        "manage.py serve --with-parent",
    ]
    assert all(step.endswith(" s") for step in steps[:2])

    assert make_run(project).stdout == "manage.py serve --with-parent\n"
    done = subprocess.run(
        [sys.executable, "scripts/bootstrap.py", "install"],
        cwd=project, env=scratch_environment(project), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == ""  # all is there, and nothing starts

    (project / "requirements.txt").write_text("# nothing yet\n")
    assert "Packages (site) … " in make_run(project).stdout

    # A half-made environment, as a kill leaves it, is made anew.
    (project / ".venv" / ".stamp-site").unlink()
    for pip in (project / ".venv" / "lib").glob("python*/site-packages/pip"):
        shutil.rmtree(pip)
    assert "Virtual environment … " in make_run(project).stdout


@pytest.mark.processes
@pytest.mark.parametrize("interrupts", ["'' INT", "- INT"], ids=["in the background", "in front"])
def test_nothing_goes_on_when_make_is_killed_while_it_sets_up(
    project: Path, interrupts: str
) -> None:
    """A shell starts what it puts into the background with interrupts ignored."""
    (project / "manage.py").write_text("import time; time.sleep(100)\n")
    with subprocess.Popen(
        ["sh", "-c", f"trap {interrupts}; exec make run PYTHON={sys.executable}"],
        cwd=project,
        env=scratch_environment(project),
        stdout=subprocess.DEVNULL,
    ) as make:
        wait_for(lambda: len(family(make.pid)) >= 4, what="the first step and what it starts")
        processes = family(make.pid)
        make.kill()
    wait_until_gone(processes)


@pytest.mark.processes
def test_a_package_without_its_hash_is_refused(project: Path) -> None:
    (project / "requirements.txt").write_text("Django==5.2.19\n")
    result = make_run(project, PIP_NO_INDEX="1")
    assert result.returncode != 0
    assert "hash" in result.stderr.lower()
    assert "manage.py serve" not in result.stdout
    assert not (project / ".venv" / ".stamp-site").exists()
