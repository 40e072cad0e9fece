"""Cursors come back whole, for their own question only."""

from itertools import product

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursor import seal, unseal
from api.problems import Problem

positions = st.tuples(st.text(max_size=64), st.integers(-(2**63), 2**63 - 1))


@given(st.text(), positions)
def test_a_cursor_gives_back_its_position(question: str, position: tuple[str, int]) -> None:
    cursor = seal(question, position)
    assert unseal(question, cursor, tuple[str, int]) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(positions)
def test_a_cursor_of_another_question_is_refused(position: tuple[str, int]) -> None:
    with pytest.raises(Problem) as refused:
        unseal("this", seal("that", position), tuple[str, int])
    assert refused.value.status_code == 400


@given(positions, st.data())
def test_a_damaged_cursor_is_refused(position: tuple[str, int], data: st.DataObject) -> None:
    cursor = seal("this", position)
    place = data.draw(st.integers(0, len(cursor) - 2))  # bits of the last letter may mean nothing
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda one: one != cursor[place]))
    with pytest.raises(Problem):
        unseal("this", cursor[:place] + letter + cursor[place + 1 :], tuple[str, int])


@given(st.text())
def test_garbage_is_refused(cursor: str) -> None:
    with pytest.raises(Problem):
        unseal("this", cursor, tuple[str, int])


async def test_every_paged_route_answers_garbage_with_400(client: httpx2.AsyncClient) -> None:
    paths = ("devices?", "latest?", "readings?device=a&", "ledger?by=device&", "quarantine?")
    for path, cursor in product(paths, ("", "x", "é", "AAAAAAAAAAAAAAAA", "%00", "null")):
        answer = await client.get(f"/v1/{path}cursor={cursor}")
        assert answer.status_code == 400
        assert answer.json()["type"] == "urn:korat:problem:bad-cursor"
