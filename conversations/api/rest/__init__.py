"""The REST API below `/api/v1/`: what is a person's own, for the programs to which they gave a key.

`entry.py` is all that is loaded before somebody asks. Routes translate, like the views of pages, and call the same
services; schemas say what goes in and out; every error has the shape and the codes that pages' scripts know.
"""
