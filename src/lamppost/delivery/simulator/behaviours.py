"""Every way to answer a request, by name. One function each; what they have in common is in `talk`."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

import msgspec

from lamppost.delivery.simulator.given import Given
from lamppost.delivery.simulator.talk import Head, Talk, head

Act = Callable[[Talk, Given, Head], Awaitable[None]]

_OK = [("content-length", "2")]
_PIECE = b"x" * (64 * 1024)
_GIGABYTE = 1024**3


class Behaviour(msgspec.Struct, frozen=True):
    """`about` is shown to who asks which there are. `hears` is how much of the request it reads first."""

    about: str
    act: Act
    hears_body: bool = True


BEHAVIOURS: dict[str, Behaviour] = {}


def _named(name: str, about: str, *, hears_body: bool = True) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        BEHAVIOURS[name] = Behaviour(about, act, hears_body)
        return act

    return keep


# --- answers as HTTP means them


@_named("ok", "200 at once")
async def _ok(talk: Talk, _: Given, __: Head) -> None:
    await talk.answer(200)


@_named("status", "a status of your choice: /status/429?retry-after=3 (seconds, a date, or junk)")
async def _status(talk: Talk, given: Given, _: Head) -> None:
    wait = given.options.get("retry-after", "")
    if wait == "date":
        wait = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    code = int(given.amount("code", 500, least=100, most=9999))
    await talk.answer(code, [("retry-after", wait)] if wait else [])


@_named("redirect", "sends elsewhere: /redirect?to=URL&code=302; without to= to itself, for ever")
async def _redirect(talk: Talk, given: Given, request: Head) -> None:
    code = int(given.amount("code", 302, least=300, most=399))
    await talk.answer(code, [("location", given.options.get("to", request.target))])


@_named("set-cookie", "200 with a cookie to bring back")
async def _set_cookie(talk: Talk, _: Given, __: Head) -> None:
    await talk.answer(200, [("set-cookie", "a=b; Path=/")])


@_named("echo", "200, and all the request's headers in its body")
async def _echo(talk: Talk, _: Given, request: Head) -> None:
    await talk.answer(200, body="\n".join(f"{name}: {value}" for name, value in request.fields).encode())


@_named("early-hints", "103 first, then 200")
async def _early_hints(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(103, [("link", "</x>; rel=preload")]))
    await talk.answer(200)


@_named("latin1", "200 with header bytes that are no ASCII")
async def _latin1(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(b"HTTP/1.1 200 OK\r\nx-a: \x80\xff\xe9\r\ncontent-length: 0\r\n\r\n")


# --- slow


@_named("slow", "200 after a while: /slow?seconds=2")
async def _slow(talk: Talk, given: Given, _: Head) -> None:
    await talk.pause(given.amount("seconds", 2))
    await talk.answer(200)


@_named("silent", "takes the request and never answers")
async def _silent(talk: Talk, _: Given, __: Head) -> None:
    await talk.wait_until_left()


@_named("deaf", "stops reading when the head is there", hears_body=False)
async def _deaf(talk: Talk, _: Given, __: Head) -> None:
    talk.stop_reading()
    # Nothing tells that the other side went while nobody reads: look now and then.
    while talk.stays:
        await asyncio.sleep(0.2)
        talk.check()


@_named("trickle", "200, then its body byte by byte: /trickle?seconds=0.1 between two")
async def _trickle(talk: Talk, given: Given, _: Head) -> None:
    await talk.say(head(200, [("content-length", "1000000")]))
    await _drip(talk, given, b"x")


@_named("trickle-head", "a head that comes byte by byte and has no end: /trickle-head?seconds=0.1")
async def _trickle_head(talk: Talk, given: Given, _: Head) -> None:
    await talk.say(b"HTTP/1.1 200 OK\r\nx-slow: ")
    await _drip(talk, given, b"x")


@_named("continue", "100 Continue, again and again: /continue?seconds=0.1")
async def _continue(talk: Talk, given: Given, _: Head) -> None:
    await _drip(talk, given, head(100))


async def _drip(talk: Talk, given: Given, piece: bytes) -> None:
    while talk.stays:
        await talk.say(piece)
        await talk.pause(given.amount("seconds", 0.1, least=0.001))


@_named("interim-flood", "103 without end, as fast as it is taken")
async def _interim_flood(talk: Talk, _: Given, __: Head) -> None:
    await _flood(talk, head(103, [("link", "x" * 1000)]) * 16)


# --- large


async def _flood(talk: Talk, piece: bytes = _PIECE, pieces: int = 10**9) -> None:
    for _ in range(pieces):
        await talk.say(piece)
        # A peer that takes everything at once must not keep the others waiting.
        await asyncio.sleep(0)


@_named("endless", "200 and a body without end")
async def _endless(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200))
    await _flood(talk)


@_named("endless-chunks", "200 and chunks without end")
async def _endless_chunks(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, [("transfer-encoding", "chunked")]))
    await _flood(talk, b"10000\r\n" + _PIECE + b"\r\n")


@_named("huge", "200 and a large body of stated length: /huge?bytes=10gb")
async def _huge(talk: Talk, given: Given, _: Head) -> None:
    size = int(given.amount("bytes", 10 * _GIGABYTE, most=2**50))
    await talk.say(head(200, [("content-length", str(size))]))
    await _flood(talk, pieces=size // len(_PIECE))
    await talk.say(_PIECE[: size % len(_PIECE)])


@_named("gzip-bomb", "200 and a megabyte of gzip that unpacks to a gigabyte")
async def _gzip_bomb(talk: Talk, _: Given, __: Head) -> None:
    await talk.answer(200, [("content-encoding", "gzip")], _bomb())


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    first = packer.compress(bytes(1024**2)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same input gives the same bytes. Who comes to the checksum has lost already.
    again = packer.compress(bytes(1024**2)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 1023 + packer.flush()


@_named("many-headers", "a head of ten thousand fields")
async def _many_headers(talk: Talk, _: Given, __: Head) -> None:
    await talk.answer(200, [(f"x-{number}", "y" * 30) for number in range(10_000)])


@_named("long-header", "a head with one field of a megabyte")
async def _long_header(talk: Talk, _: Given, __: Head) -> None:
    await talk.answer(200, [("x-long", "y" * 1024**2)])


@_named("endless-headers", "a head without end, as fast as it is taken")
async def _endless_headers(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(b"HTTP/1.1 200 OK\r\n")
    await _flood(talk, b"x-more: yyyyyyyyyyyyyyyy\r\n" * 1000)


# --- untrue


@_named("short-body", "states a hundred bytes, sends four, hangs up")
async def _short_body(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, [("content-length", "100")]) + b"some")
    await talk.close()


@_named("long-body", "states two bytes and sends a thousand")
async def _long_body(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, _OK) + b"x" * 1000)


@_named("answers-twice", "500, and behind it a 200 that nobody asked for")
async def _answers_twice(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(500, _OK) + b"no" + head(200, _OK) + b"ok")


@_named("bad-chunks", "200 and a chunk whose size is no number")
async def _bad_chunks(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, [("transfer-encoding", "chunked")]) + b"zz\r\nok\r\n0\r\n\r\n")


@_named("two-lengths", "200 with two lengths that differ")
async def _two_lengths(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, [("content-length", "2"), ("content-length", "20")]) + b"ok")
    await talk.close()


@_named("bad-status-line", "HTTP/1.1 OK 200")
async def _bad_status_line(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(b"HTTP/1.1 OK 200\r\ncontent-length: 0\r\n\r\n")
    await talk.close()


@_named("other-protocol", "an SSH greeting")
async def _other_protocol(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(b"SSH-2.0-OpenSSH_9.6\r\n")
    await talk.close()


@_named("switching", "101 Switching Protocols, and bytes of the other one")
async def _switching(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(101, [("upgrade", "websocket"), ("connection", "upgrade")]) + b"\x81\x02ok")
    await talk.wait_until_left()


# --- the connection's end


@_named("close-before-answer", "takes the request, does what it asks, and hangs up without a word")
async def _close_before_answer(talk: Talk, _: Given, __: Head) -> None:
    await talk.close()


@_named("half-headers", "hangs up in the middle of the head")
async def _half_headers(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(b"HTTP/1.1 200 OK\r\nhalf-a-hea")
    await talk.close()


@_named("reset", "takes the request and resets the connection")
async def _reset(talk: Talk, _: Given, __: Head) -> None:
    talk.reset()


@_named("reset-mid-request", "resets when the request's head is there", hears_body=False)
async def _reset_mid_request(talk: Talk, _: Given, __: Head) -> None:
    talk.reset()


@_named("reset-after-headers", "200, and a reset in the middle of the body")
async def _reset_after_headers(talk: Talk, _: Given, __: Head) -> None:
    await talk.say(head(200, [("content-length", "100")]) + b"some")
    # Sent, or the reset would overtake it.
    await asyncio.sleep(0.05)
    talk.reset()
