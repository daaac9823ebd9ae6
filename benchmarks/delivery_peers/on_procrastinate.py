"""A peer: procrastinate with httpx, psycopg.    WEBHOOK CLIENT CONCURRENCY BATCH"""

import asyncio
import logging
import os
import sys
import time
from typing import Any

import procrastinate
import work
from psycopg import AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

CONNECTIONS = 10


async def main(database: str, url: str, client: str, concurrency: int, batch: int) -> None:
    # It would rather be in a module that is imported.
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=database, min_size=CONNECTIONS, max_size=CONNECTIONS
        )
    )
    post = {"httpx": work.httpx_post}[client](url, concurrency)
    ours = AsyncConnectionPool(
        database,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        open=False,
        kwargs={"autocommit": True, "cursor_factory": AsyncRawCursor},
    )
    await ours.open(wait=True)

    @app.task(name="greet")
    async def greet(greeting: str) -> None:
        async with ours.connection() as db:
            row: Any = await (await db.execute(work.READ, (greeting,))).fetchone()
        began = time.perf_counter()
        status = await post(*work.request(row))
        took = int(1000 * (time.perf_counter() - began))
        async with ours.connection() as db:
            await db.execute(work.RECORD, (greeting, status, took))

    async def schedule() -> None:
        while True:
            async with ours.connection() as db:
                due = await (await db.execute(work.CLAIM)).fetchall()
            if not due:
                return
            await greet.batch_defer_async(*({"greeting": each} for (each,) in due))

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        working = asyncio.create_task(
            app.run_worker_async(concurrency=concurrency, delete_jobs="always", install_signal_handlers=False)
        )
        await work.obey(schedule)
        working.cancel()


if __name__ == "__main__":
    url, client, concurrency, batch = sys.argv[1:]
    asyncio.run(main(os.environ[work.DATABASE], url, client, int(concurrency), int(batch)))
