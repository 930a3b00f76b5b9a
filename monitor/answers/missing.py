"""The failure for a model that no source knows."""

from __future__ import annotations

import difflib
from typing import Any

from sqlalchemy import select, union
from sqlmodel import Session

from monitor.core.facts import Listing, Price, Retirement
from monitor.errors import NotFound
from monitor.store.tables import VERSIONS


def missing(session: Session, name: str) -> NotFound:
    """Return the failure for a model that no source knows, with up to five near names."""
    tables: list[Any] = [VERSIONS[kind].__table__ for kind in (Listing, Retirement, Price)]  # type: ignore[attr-defined]
    ids = union(*(select(table.c.model, table.c.folded) for table in tables))
    rows = session.connection().execute(ids)
    models = {row.folded: row.model for row in rows if row.folded}
    folded_name = name.strip().casefold().rpartition("/")[2]
    near = difflib.get_close_matches(folded_name, models, 5, 0.6)
    longer = (folded for folded in sorted(models) if folded_name and folded_name in folded)
    near += [folded for folded in longer if folded not in near][: 5 - len(near)]
    hint = "`lastcall sources` lists what is read"
    if near:
        hint = f"near: {', '.join(models[folded] for folded in near)}"
    return NotFound(f"no model {name!r} is known; {hint}")
