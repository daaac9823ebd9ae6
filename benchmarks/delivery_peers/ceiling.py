"""How many posts a second the receiver answers when asking costs next to nothing."""

import select
import socket
import time

CONNECTIONS = 64
BODY = b"x" * 190
HEADERS = b"".join(
    b"%s: %s\r\n" % (name, b"x" * size)
    for name, size in (
        (b"accept", 3),
        (b"webhook-id", 36),
        (b"webhook-timestamp", 10),
        (b"webhook-signature", 47),
        (b"X-Idempotency-Key", 36),
    )
)
POST = b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\n%scontent-length: %d\r\n\r\n%s" % (
    HEADERS,
    len(BODY),
    BODY,
)


def posts_a_second(port: int, *, seconds: float = 2.0) -> float:
    """Over 64 connections, the next post as soon as the last is answered."""
    poll = select.epoll()
    peers = {}
    for _ in range(CONNECTIONS):
        peer = socket.create_connection(("127.0.0.1", port))
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(peer, select.EPOLLIN)
        peers[peer.fileno()] = peer
        peer.send(POST)
    answers, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for number, _ in poll.poll():
            peer = peers[number]
            peer.recv(4096)
            answers += 1
            peer.send(POST)
    for peer in peers.values():
        peer.close()
    return answers / took
