"""`manage.py serve` as processes: what it prints, what it refuses, and that nothing is ever left behind."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import LazySettings

from chatsite import serving
from tests.processes import (
    ROOT,
    ShippedSite,
    Site,
    children,
    family,
    free_port,
    identify,
    is_alive,
    scratch_environment,
    wait_for,
    wait_until_gone,
)
from tests.upstream import Upstream

processes = pytest.mark.processes


# --- Starting ------------------------------------------------------------------------------------------------------


@processes
def test_says_once_that_it_is_ready_and_how_to_create_the_administrator(tmp_path: Path) -> None:
    with ShippedSite(tmp_path).wait_until_ready() as site:
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700  # nobody else's to read
        assert site.status("/livez") == 200
        wait_for(lambda: "Create the administrator: " in site.text, what="the link")
        lines = site.text.splitlines()
        assert lines.count(f"Chatsite is ready: {site.url}") == 1
        assert [line for line in lines if f"Create the administrator: {site.url}/setup/" in line]
        for step in ("Configuration", "Database", "Static files", "Server", "Models"):
            assert [line for line in lines if line.startswith(f"{step} … ") and line.endswith(" s")]


@processes
def test_an_administrator_from_the_environment_needs_no_link(tmp_path: Path) -> None:
    administrator = {
        "DJANGO_SUPERUSER_USERNAME": "root",
        "DJANGO_SUPERUSER_PASSWORD": "correct horse battery",
        "DJANGO_SUPERUSER_EMAIL": "root@example.org",
    }
    with ShippedSite(tmp_path, **administrator).wait_until_ready() as site:
        site.process.send_signal(signal.SIGTERM)
        site.wait_for_exit()
        assert "Create the administrator" not in site.text


@processes
def test_two_that_start_at_once_on_one_database_migrate_it_once(tmp_path: Path) -> None:
    with (
        ShippedSite(tmp_path) as first,
        ShippedSite(tmp_path) as second,
    ):
        assert first.wait_until_ready().status("/livez") == 200
        assert second.wait_until_ready().status("/livez") == 200


@processes
@pytest.mark.services
def test_serves_from_the_database_that_the_environment_names(tmp_path: Path) -> None:
    configured = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    with ShippedSite(tmp_path, **configured).wait_until_ready() as site:
        assert site.status("/readyz") == 200


@processes
@pytest.mark.parametrize(
    "variables", [{"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, {"LOCAL_MODEL": "off"}]
)
def test_starts_no_model_when_none_is_wanted(tmp_path: Path, variables: dict[str, str]) -> None:
    with Site(tmp_path, **{"LOCAL_MODEL": "", **variables}).wait_until_ready() as site:
        assert site.models == []


@processes
def test_speech_runs_beside_an_endpoint_comes_back_and_ends_with_the_site(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Site(tmp_path, LOCAL_SPEECH="on", OPENAI_BASE_URL=upstream.url).wait_until_ready() as site,
    ):
        (speech,) = site.speech
        os.kill(speech, signal.SIGKILL)
        wait_for(lambda: site.speech not in ([], [speech]), what="another process for speech")
        assert "The speech in the box ended (SIGKILL); starting it again." in site.text
        members = family(site.process.pid)
        site.process.send_signal(signal.SIGINT)
        assert site.wait_for_exit() == 0
        wait_until_gone(members, seconds=1)


# --- Refusing to start ---------------------------------------------------------------------------------------------


def refusal(folder: Path, **variables: str) -> str:
    """What a start that must fail says."""
    with ShippedSite(folder, **variables) as site:
        assert site.wait_for_exit() == 1, site.text
        assert "Traceback" not in site.text
        return site.text


@processes
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORT": "x"}, "PORT is 'x'."),
        ({"TIME_ZONE": "Nowhere/Land"}, "TIME_ZONE is 'Nowhere/Land'"),
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY is 2, but the database is SQLite."),
        ({"LOCAL_SPEECH": "loud"}, "LOCAL_SPEECH is 'loud'."),
        ({"SPEECH_MODEL": "tts-1"}, "SPEECH_MODEL cannot be served: no endpoint is configured."),
        ({"LOCAL_MODEL": "/no/such.gguf"}, "LOCAL_MODEL names /no/such.gguf, which is not a file."),
        (
            {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"},
            "port 9 failed: Connection refused. Check DATABASE_URL",
        ),
        ({"HOST": "192.0.2.1"}, "Set HOST to an address of this machine"),
        ({"DJANGO_SUPERUSER_USERNAME": "root"}, "DJANGO_SUPERUSER_PASSWORD is not set."),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=scratch_environment(tmp_path, **{"PORT": str(free_port()), **variables}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert "Chatsite is ready" not in result.stdout


@processes
def test_an_address_in_use_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        text = refusal(tmp_path, PORT=port)
    assert f"The site cannot listen on 127.0.0.1 port {port}" in text
    assert not (tmp_path / "data" / "chatsite.sqlite3").exists()


@processes
@pytest.mark.parametrize("content", [b"not a model", b"GGUF but nothing more"])
def test_an_unusable_model_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "broken.gguf"
    model.write_bytes(content)
    text = refusal(tmp_path, LOCAL_MODEL=str(model))
    assert f"LOCAL_MODEL names {model}, which is not a usable GGUF file." in text
    assert "Chatsite is ready" not in text


# --- Stopping ------------------------------------------------------------------------------------------------------


@processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_site_and_its_model(tmp_path: Path, number: signal.Signals) -> None:
    with Site(tmp_path, LOCAL_MODEL="").wait_until_ready() as site:
        members = family(site.process.pid)
        assert len(members) == 4  # serve, gunicorn's master, its worker, the model
        site.process.send_signal(number)
        assert site.wait_for_exit() == 0
        wait_until_gone(members, seconds=1)
        assert "Traceback" not in site.text


@processes
def test_ctrl_c_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    with ShippedSite(tmp_path, LOCAL_MODEL="") as site:
        wait_for(lambda: site.models, what="the model's process")
        members = family(site.process.pid)
        site.process.send_signal(signal.SIGINT)
        assert site.wait_for_exit() == 0
        wait_until_gone(members, seconds=1)


@processes
def test_kill_9_of_serve_takes_everything_with_it(tmp_path: Path) -> None:
    with Site(tmp_path, LOCAL_MODEL="").wait_until_ready() as site:
        members = family(site.process.pid)
        site.process.kill()
        wait_until_gone(members)


@processes
def test_kill_9_of_the_parent_ends_a_serve_that_goes_with_it(tmp_path: Path) -> None:
    environment = scratch_environment(tmp_path, PORT=str(free_port()))
    output = tmp_path / "output"
    with output.open("wb") as file:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", f"{sys.executable} manage.py serve --with-parent; true"],
            cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(lambda: "Chatsite is ready" in output.read_text(), what="the ready line")
        members = family(shell.pid)
        assert len(members) == 4  # the shell, serve, gunicorn's master, its worker
    finally:
        shell.kill()
        shell.wait()
    wait_until_gone(members)


@processes
def test_speech_without_its_packages_does_not_start(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['hibari'] = None; import manage;"
        "sys.argv = ['manage.py', 'serve']; manage.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False,
        env=scratch_environment(tmp_path, LOCAL_SPEECH="on", PORT=str(free_port())), timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "LOCAL_SPEECH is on, but its packages are not installed. Type `make run`" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Database" not in done.stdout


# --- Crashes -------------------------------------------------------------------------------------------------------


@processes
def test_the_server_may_open_as_many_files_as_the_system_lets_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1_024), hard))
    try:
        site = Site(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with site.wait_until_ready():
        allowed, _hard = resource.prlimit(site.workers[0], resource.RLIMIT_NOFILE)
    assert allowed == min(hard, 65_536)


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with Site(tmp_path).wait_until_ready() as site:
        (worker,) = site.workers
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: site.workers not in ([], [worker]), what="another worker")
        wait_for(lambda: site.status("/livez") == 200, what="an answer")
        assert site.process.poll() is None


@processes
def test_a_killed_master_ends_the_site_with_a_sentence(tmp_path: Path) -> None:
    with Site(tmp_path, LOCAL_MODEL="").wait_until_ready() as site:
        members = family(site.process.pid)
        os.kill(site.master, signal.SIGKILL)
        assert site.wait_for_exit() == 1
        wait_until_gone(members, seconds=1)
        assert "The server ended unexpectedly (SIGKILL). Start the site again." in site.text


@processes
def test_a_killed_model_comes_back_and_the_site_stays(tmp_path: Path) -> None:
    with Site(tmp_path, LOCAL_MODEL="").wait_until_ready() as site:
        (model,) = site.models
        server = identify(site.master)
        os.kill(model, signal.SIGKILL)
        wait_for(lambda: site.models not in ([], [model]), what="another model process")
        assert "The model in the box ended (SIGKILL); starting it again." in site.text
        assert is_alive(server)
        assert len(children(site.process.pid)) == 2


# --- The parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("chat.example.org", "http://chat.example.org:8000"),
    ],
)
def test_how_this_machine_reaches_the_server(host: str, url: str) -> None:
    assert serving.local_url(host, 8000) == url


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LIVE_SECONDS", 0.1)
    with pytest.raises(serving.ServeError, match="does not answer after"):
        serving.Server().wait_until_live("127.0.0.1", free_port())


def test_static_files_are_built_again_only_when_a_source_changed(
    tmp_path: Path, settings: LazySettings
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    assert serving.collect_static() is True
    assert serving.collect_static() is False
    (source / "two.css").write_text("b { color: blue }")
    assert serving.collect_static() is True
    assert (tmp_path / "static" / "two.css").is_file()
    (source / "one.css").write_text("a { color: green }\n")
    assert serving.collect_static() is True


def test_static_files_that_cannot_be_written_are_a_sentence(
    tmp_path: Path, settings: LazySettings
) -> None:
    (tmp_path / "file").write_text("in the way")
    settings.STATIC_ROOT = tmp_path / "file" / "static"
    with pytest.raises(serving.ServeError, match="The static files cannot be built in"):
        serving.collect_static()
