"""Trace headers: what is exact goes on, what is not is as if it had not come, and nothing raises."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.observe import trace, tracestate

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def hostile(count: int = 200) -> list[str]:
    """Headers an attacker would try: each one rule broken, then noise of a fixed seed."""
    broken = [
        "", " ", "-", "00", GOOD + " ", " " + GOOD, GOOD.upper(), GOOD + "-", GOOD + "-more", GOOD[:-1],
        f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"0-{TRACE}-{SPAN}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}f-{SPAN}-01", GOOD + "1",
        f"00-{TRACE}-{SPAN}-0x", f"00_{TRACE}_{SPAN}_01", f"{GOOD},{GOOD}", GOOD.replace("4bf9", "4bF9"),
        GOOD.replace("4bf9", "４bf9"), GOOD.replace("-", "–"), "٠" + GOOD[1:], GOOD + "\n", GOOD + "\x00",
        f"01-{TRACE}-{SPAN}-01more", f"01-{TRACE}-{SPAN}", "00-" * 1000, "a" * 100_000, GOOD + "-" * 600,
        f"00-{TRACE}-{SPAN}-01'; drop table x", f"00-{TRACE}-{SPAN}-\ud800", "${jndi:ldap://x}", "../" * 40,
    ]  # fmt: skip
    dice = random.Random(7)
    alphabet = string.hexdigits + "---,;= "
    while len(broken) < count:
        broken.append("".join(dice.choice(alphabet) for _ in range(dice.randrange(80))))
    return broken


@pytest.mark.parametrize("header", hostile())
def test_a_hostile_traceparent_is_as_if_it_had_not_come(header):
    assert trace.from_traceparent(header) is None
    begun = trace.arrive(None, {"headers": {"traceparent": header, "tracestate": header}})
    assert trace.from_traceparent(begun.traceparent)
    assert begun.trace_id != TRACE
    assert begun.state == ""


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none(), st.lists(st.text())))
def test_nothing_in_a_header_raises(anything):
    trace.from_traceparent(anything)
    trace.from_xray(anything)
    tracestate.kept(anything)
    trace.arrive(anything if isinstance(anything, str) else None, {"headers": {"traceparent": anything}})
    trace.arrive(
        None, {"Records": [{"messageAttributes": {"traceparent": {"stringValue": anything}}}, anything]}
    )
    trace.arrive(None, {"headers": anything})
    trace.arrive(None, anything)


def test_a_later_version_may_say_more():
    assert trace.from_traceparent(f"cc-{TRACE}-{SPAN}-01") == trace.Place(TRACE, SPAN, True)
    assert trace.from_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-says") == trace.Place(
        TRACE, SPAN, True
    )


def test_of_the_flags_only_the_first_bit_is_read():
    assert trace.from_traceparent(f"00-{TRACE}-{SPAN}-fe") == trace.Place(TRACE, SPAN, False)
    assert trace.from_traceparent(f"00-{TRACE}-{SPAN}-ff") == trace.Place(TRACE, SPAN, True)


def test_a_place_survives_both_notations():
    place = trace.Place(TRACE, SPAN, True)
    assert place.traceparent == GOOD
    assert place.xray == f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1"
    assert trace.from_traceparent(place.traceparent) == trace.from_xray(place.xray) == place


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (f"Sampled=0;Root=1-{TRACE[:8]}-{TRACE[8:]}", trace.Place(TRACE)),
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=?;Lineage=1:a:0", trace.Place(TRACE, SPAN)),
        (f"Self=1-1-1; Root=1-{TRACE[:8]}-{TRACE[8:]} ;Parent=xyz;Sampled=1", trace.Place(TRACE, "", True)),
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={'0' * 16}", trace.Place(TRACE)),
        (f"Root=2-{TRACE[:8]}-{TRACE[8:]}", None),
        (f"Root=1-00000000-{'0' * 24}", None),
        ("Root=1-0-0;Sampled=1", None),
        ("", None),
    ],
)
def test_xrays_header_is_read_in_any_order(header, place):
    assert trace.from_xray(header) == place


def test_the_callers_trace_goes_on_unless_lambda_samples_its_own():
    event = {"headers": {"traceparent": GOOD, "tracestate": "vendor=1, other@x=2"}}
    mine = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled="
    assert trace.arrive(None, event) == trace.Place(TRACE, SPAN, True, "vendor=1,other@x=2")
    assert trace.arrive(mine + "0", event).trace_id == TRACE
    assert trace.arrive(mine + "1", event) == trace.Place(
        "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", True
    )


def test_a_batch_goes_on_with_the_one_trace_of_all_its_messages():
    def record(traceparent: str) -> dict[str, object]:
        return {"messageAttributes": {"traceparent": {"stringValue": traceparent, "dataType": "String"}}}

    other = f"00-{'a' * 32}-{'b' * 16}-01"
    sibling = f"00-{TRACE}-{'b' * 16}-01"
    native = {"attributes": {"AWSTraceHeader": trace.Place(TRACE, SPAN, True).xray}}
    lambdas = f"Root=1-{'c' * 8}-{'c' * 24};Parent={'d' * 16};Sampled=1"
    assert trace.arrive(lambdas, {"Records": [record(GOOD)]}) == trace.Place(TRACE, SPAN, True)
    assert trace.arrive(lambdas, {"Records": [native]}) == trace.Place(TRACE, SPAN, True)
    assert trace.arrive(lambdas, {"Records": [record(GOOD), record(sibling)]}) == trace.Place(TRACE, "", True)
    assert trace.arrive(lambdas, {"Records": [record(GOOD), record(other)]}).trace_id == "c" * 32
    assert trace.arrive(lambdas, {"Records": [record(GOOD), {}]}).trace_id == "c" * 32


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a=1", "a=1"),
        ("a=1 ,\tb@c=2,, 3x=ok", "a=1,b@c=2,3x=ok"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=é", ""),
        ("a=1\r\nset-cookie: x=1", ""),
        (",".join(f"k{n}=1" for n in range(33)), ""),
        (f"a={'x' * 250},b={'y' * 250},c={'z' * 250}", f"a={'x' * 250},b={'y' * 250}"),
    ],
)
def test_a_tracestate_goes_on_whole_or_not_at_all(given, sent):
    assert tracestate.kept(given) == sent


@pytest.mark.parametrize(
    "pasted", [TRACE, f" {TRACE}\n", GOOD, trace.xray_id(TRACE), f"Root=1-{TRACE[:8]}-{TRACE[8:]}"]
)
def test_a_person_may_paste_an_id_as_they_found_it(pasted):
    assert trace.read_id(pasted) == TRACE


@pytest.mark.parametrize("pasted", ["", "x", "0" * 32, TRACE[:-1], TRACE.upper(), "../../etc/passwd"])
def test_what_is_no_id_is_none(pasted):
    assert trace.read_id(pasted) is None
