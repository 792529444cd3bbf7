"""People from a CSV file: `read_rows` understands the file, `check` compares it with the site, `save` writes it.

A file with one bad row changes nothing. Passwords are hashed before the transaction, which is short. Of each row only
what it asks for is kept: a file of a hundred thousand takes some seventy megabytes, besides those of one hash.
"""

from .checking import Person, Problem, check
from .reading import AT_ONCE, Row, UnusableFile, read_rows
from .writing import hash_passwords, save, without_password

__all__ = [
    "AT_ONCE",
    "Person",
    "Problem",
    "Row",
    "UnusableFile",
    "check",
    "hash_passwords",
    "read_rows",
    "save",
    "without_password",
]
