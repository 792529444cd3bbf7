"""Titles as file names: whatever people write, every system takes it."""

from __future__ import annotations

import pytest

from conversations.transfer.file_names import file_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A talk", "00007 A talk.md"),
        ("../../etc/passwd", "00007 etc passwd.md"),
        ('C:\\x*?"<>|', "00007 C x.md"),
        ("\u202egnp.exe\u200b", "00007 gnp.exe.md"),
        ("Line\nand\ttab\x00", "00007 Line and tab.md"),
        ("trailing. . .", "00007 trailing.md"),
        ("中文标题", "00007 中文标题.md"),
        ("🦉 owl", "00007 🦉 owl.md"),
        ("", "00007.md"),
        ("///", "00007.md"),
        ("x" * 500, f"00007 {'x' * 60}.md"),
        ("🦉" * 500, f"00007 {'🦉' * 37}.md"),
    ],
)
def test_file_name(title: str, name: str) -> None:
    assert file_name(7, title, "md") == name
