"""Topics, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city import topics
from city.catalog import KINDS
from city.errors import Malformed, Reason
from support.readings import ids

provinces = st.from_regex(r"[a-z]{2}-[a-z0-9]{1,3}", fullmatch=True)


@given(provinces, st.sampled_from(sorted(KINDS)), ids)
def test_a_direct_topic_is_read_as_it_was_written(province: str, kind: str, device: str) -> None:
    assert topics.parse(topics.direct(province, kind, device)) == topics.Direct(province, kind, device)


@given(provinces, ids, st.sampled_from([topics.pack, topics.receipt, topics.status]))
def test_a_gateway_topic_is_read_as_it_was_written(province: str, gateway: str, name) -> None:  # noqa: ANN001 - one of three functions
    assert topics.parse(name(province, gateway)) == topics.OfGateway(province, gateway, name.__name__)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", Reason.BAD_TOPIC),
        ("city", Reason.BAD_TOPIC),
        ("city/th-30/smart_city/rain", Reason.BAD_TOPIC),
        ("city/th-30/smart_city/rain/r-1/extra", Reason.BAD_TOPIC),
        ("town/th-30/smart_city/rain/r-1", Reason.BAD_TOPIC),
        ("city/TH-30/smart_city/rain/r-1", Reason.BAD_TOPIC),
        ("city/korat/smart_city/rain/r-1", Reason.BAD_TOPIC),
        ("city/th-30/gateway/gw-1/other", Reason.BAD_TOPIC),
        ("city/th-30/farm/rain/r-1", Reason.UNKNOWN_WORKSTREAM),
        ("city/th-30/smart_city/spaceship/r-1", Reason.UNKNOWN_KIND),
        ("city/th-30/logistic_hub/rain/r-1", Reason.UNKNOWN_KIND),
        ("city/th-30/smart_city/rain/R-1", Reason.BAD_DEVICE),
        ("city/th-30/smart_city/rain/", Reason.BAD_DEVICE),
        ("city/th-30/smart_city/rain/" + "r" * 65, Reason.BAD_DEVICE),
        ("city/th-30/gateway/GW/pack", Reason.BAD_DEVICE),
    ],
)
def test_a_wrong_topic_has_its_reason(topic: str, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        topics.parse(topic)
    assert caught.value.reason is reason


@given(st.text(max_size=60))
def test_any_topic_is_read_or_has_a_reason(topic: str) -> None:
    try:
        topics.parse(topic)
    except Malformed as error:
        assert error.reason in Reason
