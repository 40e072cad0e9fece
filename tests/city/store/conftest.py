"""The two stores, and short ways to fill and ask them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from city.store import Store, open_store

ADAPTERS = [
    "duckdb",
    "influx",
]


@pytest.fixture(params=ADAPTERS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty store, once of each adapter."""
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'store.duckdb'}"
    url: str = request.getfixturevalue("influx").store_url(request.getfixturevalue("influx_database"))
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """Give an empty store, once of each adapter."""
    opened = await open_store(store_url)
    yield opened
    await opened.aclose()
