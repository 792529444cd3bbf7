"""How the API describes itself: to everyone, completely, and from this site alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from conversations import runtime
from tests.conftest import signed_in
from tests.conversations.api.programs import ROOT, Program, address, operations, refused, reply
from tests.conversations.api.test_rest_bad_input import WITH_BODY, body_schema

FILES = re.compile(r'(?:href|src)="([^"]+)"')


@pytest.fixture
def description(client: Client, db: None) -> dict[str, Any]:
    return reply(client.get(f"{ROOT}openapi.json"))


def test_every_operation_is_described(description: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in description["tags"]}
    described = {
        (method.upper(), path)
        for path, methods in description["paths"].items()
        for method in methods
    }
    assert described == set(operations())
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["security"] == [{"ApiKey": []}], where
            assert {*operation["tags"]} <= tags, where
            assert operation["summary"], where
            assert len(operation["description"]) > 20, where
            assert {"401", "403"} <= operation["responses"].keys(), where
            for parameter in operation["parameters"]:
                assert parameter["in"] == "path" or parameter["description"], where


def test_keys_are_described(description: dict[str, Any]) -> None:
    scheme = description["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for word in ("`read`", "`write`", "`chat`", "`client_id`", "`cursor`", "`ETag`"):
        assert word in description["info"]["description"]


def test_bodies_have_examples_that_are_taken(description: dict[str, Any], alice: User) -> None:
    """Up to where what they name is looked for."""
    program = Program(alice)
    for method, path, _names in WITH_BODY:
        schema = body_schema(description["paths"][path][method.lower()])
        for example in schema["examples"]:
            response = program.ask(method, address(path), example)
            expected = (404, "not_found") if "{" in path else (400, "model_unknown")
            assert refused(response) == expected, path
    runtime.shut_down_thread()


@pytest.mark.parametrize("path", ["openapi.json", "docs", "docs/"])
def test_it_is_open_to_everyone_and_the_same_for_all(alice: User, path: str) -> None:
    pages = [client.get(ROOT + path) for client in (Client(), signed_in(alice))]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    for page in pages:
        assert not page.cookies
        assert Client().get(ROOT + path, headers={"if-none-match": page["ETag"]}).status_code == 304


def test_the_page_needs_nothing_from_elsewhere(client: Client, db: None) -> None:
    page = client.get(f"{ROOT}docs")
    assert page["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    files = FILES.findall(page.content.decode())
    assert len(files) == 6
    for file in files:
        assert file.startswith("/")
        if file.startswith(ROOT):
            assert client.get(file).status_code == 200


@pytest.mark.parametrize("encoding", ["", "gzip, br"])
def test_files(client: Client, db: None, encoding: str) -> None:
    response = client.get(f"{ROOT}docs/swagger-ui.css", headers={"accept-encoding": encoding})
    assert response["Content-Type"].startswith("text/css")
    assert ("Content-Encoding" in response) == bool(encoding)
    assert "Accept-Encoding" in response["Vary"]
    known = {"accept-encoding": encoding, "if-none-match": response["ETag"]}
    assert client.get(f"{ROOT}docs/swagger-ui.css", headers=known).status_code == 304


@pytest.mark.parametrize(
    "name", ["redoc.standalone.js", "..%2Fpy.typed", "x", "swagger-ui.css.map", "%00"]
)
def test_files_that_are_none(client: Client, db: None, name: str) -> None:
    assert refused(client.get(f"{ROOT}docs/{name}")) == (404, "not_found")


@pytest.mark.parametrize("path", ["openapi.json", "docs", "docs/swagger-ui.css"])
def test_they_are_only_read(client: Client, db: None, path: str) -> None:
    assert refused(client.post(ROOT + path)) == (405, "method_not_allowed")
