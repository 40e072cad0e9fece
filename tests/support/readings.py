"""Readings made by chance, for property tests."""

from hypothesis import strategies as st

from city.catalog import KINDS, QUANTITIES
from city.reading import FIRST_NS, LAST_NS, Flag, Reading

ids = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,15}", fullmatch=True)
quantities = st.one_of(
    st.sampled_from(sorted(QUANTITIES)), st.from_regex(r"x_[a-z0-9]{1,6}", fullmatch=True).map(lambda key: key + "_own")
)
floats = st.floats(allow_nan=False, allow_infinity=False)
instants = st.integers(min_value=FIRST_NS, max_value=LAST_NS - 1)
positions = st.one_of(st.just((None, None)), st.tuples(st.floats(-90, 90), st.floats(-180, 180)).filter(any))


@st.composite
def readings(draw: st.DrawFn, kind: st.SearchStrategy[str] | None = None, *, flagged: bool = True) -> Reading:
    """Draw one reading; flags, where wanted, only on values that it has."""
    values = draw(st.dictionaries(quantities, floats, min_size=1, max_size=6))
    bad = st.sampled_from([Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL])
    flags = draw(st.dictionaries(st.sampled_from(sorted(values)), bad, max_size=2)) if flagged else {}
    lat, lon = draw(positions)
    return Reading(
        device=draw(ids),
        kind=draw(st.sampled_from(sorted(KINDS)) if kind is None else kind),
        time_ns=draw(instants),
        values=values,
        lat=lat,
        lon=lon,
        flags={key: int(flag) for key, flag in flags.items()},
    )
