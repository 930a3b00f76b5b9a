"""A column has one role and a role one column: what could be read in two ways is refused."""

from __future__ import annotations

import pytest

from monitor.errors import Unreadable
from monitor.reading import page

PAGE = """# Acme

| Model | Shutdown date | {title} | Replacement |
|---|---|---|---|
| a-1 | 2026-01-01 | 2027-01-01 | b-1 |
"""


@pytest.mark.parametrize("title", ["Shutdown date", "shutdown DATE", "End date"])
def test_two_columns_of_one_role_are_refused(title: str) -> None:
    shape = page.layout(model="model", retires="shutdown date|end date")
    with pytest.raises(Unreadable, match="table 1 under 'Acme': 2 columns for 'retires' among"):
        list(page.tables(PAGE.format(title=title), shape))


def test_two_roles_of_one_column_are_refused() -> None:
    shape = page.layout(model="model", retires="shutdown*", announced="shutdown date")
    with pytest.raises(Unreadable, match="2 roles for the column 'Shutdown date'"):
        list(page.tables(PAGE.format(title="Note"), shape))


def test_columns_that_are_not_read_may_share_a_name() -> None:
    shape = page.layout(model="model", replacement="replacement", ignore=("shutdown date",))
    [row] = page.tables(PAGE.format(title="Shutdown date"), shape)
    assert (row["model"].line, row["replacement"].line) == ("a-1", "b-1")
