"""The index is bounded, and forgets the oldest first."""

import random
import tracemalloc

from city.ledger.dedup import REMEMBERED, Page, SettledIndex, pack


def test_the_index_forgets_the_oldest_and_stays_small() -> None:
    chance = random.Random(1)
    dedup = SettledIndex()
    pages = [[chance.getrandbits(64) for _ in range(8192)] for _ in range(3 * REMEMBERED // 8192)]
    tracemalloc.start()
    for number, page in enumerate(pages, 1):
        dedup.learn_fingerprints(Page(number, pack(page)))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20 * 2**20
    kept = pages[-(REMEMBERED // 8192) :]
    assert all(dedup.has_fingerprint(fingerprint) for page in kept for fingerprint in page)
    assert not any(dedup.has_fingerprint(fingerprint) for page in pages[: -len(kept)] for fingerprint in page)
    assert dedup.oldest_flush() == len(pages) - len(kept) + 1


def test_one_flush_larger_than_the_index_is_remembered_whole() -> None:
    dedup = SettledIndex()
    dedup.learn_fingerprints(Page(1, pack([1])))
    dedup.learn_fingerprints(Page(2, pack(list(range(REMEMBERED * 2, REMEMBERED * 4)))))
    assert dedup.has_fingerprint(REMEMBERED * 2)
    assert not dedup.has_fingerprint(1)
