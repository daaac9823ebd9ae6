"""A webhook receiver that costs almost nothing: one epoll loop, an empty 204 to every POST, and a count.

.venv/bin/python -m benchmarks.quick_receiver      prints its port; GET / answers {"posts": …, "first": …}
"""

import select
import socket
import sys
import time

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Peer:
    """One connection and what it has said so far."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.text = b""

    def requests(self) -> tuple[int, bool]:
        """How many whole POSTs have come since, and whether a GET has."""
        posts, asked = 0, False
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
                asked = True
            self.text = self.text[whole:]
        return posts, asked


def main() -> None:
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server.setblocking(False)
    print(server.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(server, select.EPOLLIN)
    peers: dict[int, Peer] = {}
    posts, first = 0, 0.0
    while True:
        for number, _ in poll.poll():
            if number == server.fileno():
                connection, _ = server.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[connection.fileno()] = Peer(connection)
                poll.register(connection, select.EPOLLIN)
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
                first = first or time.time()
                posts += count
                peer.connection.send(ANSWER * count)
            if asked:
                body = b'{"posts": %d, "first": %.6f}' % (posts, first)
                peer.connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


if __name__ == "__main__" and "--serve" in sys.argv:
    main()
