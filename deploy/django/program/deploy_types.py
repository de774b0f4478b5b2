"""Compares the types of columns: whether all values of one fit into the other, and whether PostgreSQL writes the table
anew for it."""

import re

SAME, WIDER, NARROWER, OTHER = "same", "wider", "narrower", "other"

_INTEGERS = {
    "smallint": 1, "smallserial": 1, "tinyint": 0, "int": 2, "integer": 2, "serial": 2, "mediumint": 1.5,
    "bigint": 3, "bigserial": 3,
}  # fmt: skip
_ENDLESS = float("inf")


def family(field, connection):
    """A column's type as its family and its size: ("integer", 2), ("text", 120), ("decimal", (8, 2)), (type, None)."""
    name = (field.db_parameters(connection)["type"] or "").lower()
    sized = re.match(r"(varchar|character varying|numeric|decimal)\s*(?:\((\d+)(?:,\s*(\d+))?\))?$", name)
    first = name.split(" ")[0].split("(")[0]
    if first in _INTEGERS:
        return "integer", _INTEGERS[first]
    if name in ("text", "longtext"):
        return "text", _ENDLESS
    if sized and sized.group(1) in ("varchar", "character varying"):
        return "text", int(sized.group(2)) if sized.group(2) else _ENDLESS
    if sized:
        # SQLite's decimals have no size; the field's has.
        digits = int(sized.group(2) or getattr(field, "max_digits", None) or 1000)
        places = int(sized.group(3) or getattr(field, "decimal_places", None) or 0)
        return "decimal", (digits - places, places)
    return name, None


def compare(old, new, connection):
    """Whether the new field's column holds whatever the old one's does."""
    (old_kind, old_size), (new_kind, new_size) = family(old, connection), family(new, connection)
    if (old_kind, old_size) == (new_kind, new_size):
        return SAME
    if old_kind != new_kind:
        return OTHER
    if old_kind == "decimal":
        return WIDER if all(a <= b for a, b in zip(old_size, new_size)) else NARROWER
    return WIDER if old_size < new_size else NARROWER


def keeps_all(new, connection):
    """Whether every value of every type can be had back from such a column."""
    return family(new, connection) == ("text", _ENDLESS)


def rewrites(old, new, connection):
    """Whether PostgreSQL writes the table anew, or reads all of it, to change the type: not where a text or a decimal
    gets more room."""
    (old_kind, old_size), (new_kind, new_size) = family(old, connection), family(new, connection)
    if old_kind != new_kind:
        return True
    if old_kind == "text":
        return new_size < old_size
    if old_kind == "decimal":
        return new_size[1] != old_size[1] or new_size[0] < old_size[0]
    return old_size != new_size
