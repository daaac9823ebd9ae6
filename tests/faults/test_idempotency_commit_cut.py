"""The line to the database breaks while COMMIT is under way: nobody knows, and the key finds out."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from lamppost.db.pool import close_pool
from lamppost.testing.plugin import MakeDatabase
from tests.once import TABLES, Shop, led_to, told

COMMIT = b"COMMIT"


class Cutter:
    """A TCP proxy that breaks both lines at a client's first `word`: before the server heard it, or after."""

    def __init__(self, host: str, port: int, *, heard: bool) -> None:
        self._server = (host, port)
        self._heard = heard
        self.cut = False
        self.word = COMMIT
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while sent := client.recv(65_536):
                if self.word in sent and not self.cut:
                    self.cut = True
                    if self._heard:
                        client.shutdown(socket.SHUT_RDWR)
                        server.sendall(sent)
                        # The server ends the session after it did what it was told.
                        server.shutdown(socket.SHUT_WR)
                    else:
                        server.shutdown(socket.SHUT_RDWR)
                        client.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(sent)
            server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while sent := server.recv(65_536):
                client.sendall(sent)
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["before the server heard it", "after the server heard it"])
def cut_line(
    request: pytest.FixtureRequest, database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Cutter, Any]]:
    made = database(folders=TABLES)
    led_to(made, monkeypatch)
    cutter = Cutter(made.server.host, made.server.port, heard=request.param.startswith("after"))
    monkeypatch.setenv("DB_PORT", str(cutter.port))
    close_pool()
    yield cutter, made.connect(admin=True)
    close_pool()
    cutter.close()


def test_a_commit_that_nobody_saw_is_found_out_by_asking_again(cut_line: tuple[Cutter, Any]) -> None:
    cutter, admin = cut_line
    shop = Shop()
    lost = shop.ask("POST /order", key="k1")
    assert cutter.cut
    assert told(lost) == (503, "database_unavailable")
    assert int(lost["headers"]["retry-after"]) > 0
    again = shop.ask("POST /order", key="k1")
    assert again["statusCode"] == 201
    assert ("idempotent-replayed" in again["headers"]) == cutter._heard
    assert shop.ask("POST /order", key="k1")["body"] == again["body"]
    assert admin.execute("select name from once.orders").fetchall() == [("one",)]


def test_a_replay_is_answered_though_the_line_broke_when_it_was_read(cut_line: tuple[Cutter, Any]) -> None:
    cutter, _ = cut_line
    cutter.word = b"ROLLBACK"
    shop = Shop()
    first = shop.ask("POST /order", key="k1")
    again = shop.ask("POST /order", key="k1")
    assert cutter.cut
    assert (again["statusCode"], again["body"]) == (201, first["body"])


def test_without_a_key_the_same_cut_may_leave_two(cut_line: tuple[Cutter, Any]) -> None:
    cutter, admin = cut_line
    shop = Shop()
    assert shop.ask("POST /order")["statusCode"] == 503
    assert shop.ask("POST /order")["statusCode"] == 201
    assert len(admin.execute("select name from once.orders").fetchall()) == 1 + cutter._heard
