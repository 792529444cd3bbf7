"""Markdown as safe HTML, whole or while it grows."""
