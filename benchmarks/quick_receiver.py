"""A webhook receiver that costs almost nothing: one epoll loop, an empty 204 to every POST, and a count.

.venv/bin/python -m benchmarks.quick_receiver      prints its port
    GET /            answers {"posts": …, "first": …, "last": …}
    GET /?delay=0.05 the same, then answers each POST after so many seconds, and counts from nought
"""

import resource
import select
import socket
import time
from collections import deque

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Peer:
    """One connection and what it has said so far."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.text = b""

    def requests(self) -> tuple[int, bytes]:
        """How many whole POSTs have come since, and the target of a GET among them."""
        posts, asked = 0, b""
        while (end := self.text.find(b"\r\n\r\n")) >= 0:
            at = self.text.find(b"ontent-", 0, end)
            while at >= 0 and self.text[at + 7 : at + 13].lower() != b"length":
                at = self.text.find(b"ontent-", at + 7, end)
            whole = end + 4
            if at >= 0:
                line = self.text.find(b"\r\n", at)
                whole += int(self.text[at + 14 : line])
            if len(self.text) < whole:
                break
            if at >= 0:
                posts += 1
            else:
                asked = self.text.split(b" ", 2)[1]
            self.text = self.text[whole:]
        return posts, asked

    def say(self, answer: bytes) -> None:
        """Answer, unless the other side has gone."""
        try:
            self.connection.send(answer)
        except OSError:
            pass


def listen() -> tuple[socket.socket, select.epoll]:
    """A server on a free port with room for thousands of connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server.setblocking(False)
    poll = select.epoll()
    poll.register(server, select.EPOLLIN)
    return server, poll


def accept(server: socket.socket, poll: select.epoll, peers: dict[int, Peer]) -> None:
    """Take everyone who knocks."""
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peers[connection.fileno()] = Peer(connection)
        poll.register(connection, select.EPOLLIN)


def main() -> None:
    server, poll = listen()
    print(server.getsockname()[1], flush=True)
    peers: dict[int, Peer] = {}
    # One delay at a time, so what comes first is answered first.
    later: deque[tuple[float, Peer, bytes]] = deque()
    posts, first, last, delay = 0, 0.0, 0.0, 0.0
    while True:
        for number, _ in poll.poll(max(0.0, later[0][0] - time.monotonic()) if later else None):
            if number == server.fileno():
                accept(server, poll, peers)
                continue
            peer = peers[number]
            try:
                data = peer.connection.recv(65536)
            except OSError:
                data = b""
            if not data:
                poll.unregister(number)
                del peers[number]
                peer.connection.close()
                continue
            peer.text += data
            count, asked = peer.requests()
            if count:
                last = time.time()
                first = first or last
                posts += count
                if delay:
                    later.append((time.monotonic() + delay, peer, ANSWER * count))
                else:
                    peer.say(ANSWER * count)
            if asked:
                body = b'{"posts": %d, "first": %.6f, "last": %.6f}' % (posts, first, last)
                peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
                if b"delay=" in asked:
                    posts, first, last, delay = 0, 0.0, 0.0, float(asked.partition(b"delay=")[2])
        now = time.monotonic()
        while later and later[0][0] <= now:
            _, peer, answer = later.popleft()
            peer.say(answer)


if __name__ == "__main__":
    main()
