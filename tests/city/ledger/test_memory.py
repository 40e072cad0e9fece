"""The memory is bounded, and forgets the oldest first."""

import random
import tracemalloc

from city.ledger.memory import REMEMBERED, Page, SettledMemory, pack


def test_memory_forgets_the_oldest_and_stays_small() -> None:
    chance = random.Random(1)
    memory = SettledMemory()
    pages = [[chance.getrandbits(64) for _ in range(8192)] for _ in range(3 * REMEMBERED // 8192)]
    tracemalloc.start()
    for number, page in enumerate(pages, 1):
        memory.learn_fingerprints(Page(number, pack(page)))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20 * 2**20
    kept = pages[-(REMEMBERED // 8192) :]
    assert all(memory.has_fingerprint(fingerprint) for page in kept for fingerprint in page)
    assert not any(memory.has_fingerprint(fingerprint) for page in pages[: -len(kept)] for fingerprint in page)
    assert memory.oldest_flush() == len(pages) - len(kept) + 1


def test_one_flush_larger_than_the_memory_is_remembered_whole() -> None:
    memory = SettledMemory()
    memory.learn_fingerprints(Page(1, pack([1])))
    memory.learn_fingerprints(Page(2, pack(list(range(REMEMBERED * 2, REMEMBERED * 4)))))
    assert memory.has_fingerprint(REMEMBERED * 2)
    assert not memory.has_fingerprint(1)
