"""The programs of the workers that the benchmarks of fleets start: a batch, Procrastinate, Celery."""

__all__ = ["CELERY", "RUN", "WORK"]

RUN = """
import asyncio, os, sys
from functools import partial
from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.stores.postgres.jobs import PostgresJobStore

async def main():
    options = dict(timeout=float(os.environ["TIMEOUT"]), settle_time=float(os.environ["SETTLE"]))
    async with AsyncBluma(os.environ["KEY"], os.environ["URL"], retry_delay=0.2, **options) as client:
        batch = client.batch(os.environ["JOURNAL"], out=os.environ["OUT"], concurrency=int(os.environ["AT_ONCE"]),
            poll_interval=0.5, exclusive=os.environ["EXCLUSIVE"] == "1")
        batch._open_store = partial(PostgresJobStore.open, os.environ["JOURNAL"], lease=float(os.environ["LEASE"]))
        async for result in batch.run():
            if result.error is not None:
                print(result.key, result.state, result.error, file=sys.stderr, flush=True)
        if batch.stopped is not None:
            print("stopped:", batch.stopped, file=sys.stderr, flush=True)

asyncio.run(main())
"""

WORK = """
import asyncio, logging, os, sys
from bluma_async import AsyncBluma
from bluma_async.fleet.procrastinate_engine import run_worker

async def main():
    options = dict(timeout=float(os.environ["TIMEOUT"]), settle_time=float(os.environ["SETTLE"]))
    async with AsyncBluma(os.environ["KEY"], os.environ["URL"], retry_delay=0.2, **options) as client:
        batch = client.batch(os.environ["JOURNAL"], out=os.environ["OUT"], poll_interval=0.5,
            concurrency=int(os.environ["AT_ONCE"]), exclusive=os.environ["EXCLUSIVE"] == "1")
        await run_worker(batch, float(os.environ["LEASE"]))

logging.basicConfig()
asyncio.run(main())
"""

CELERY = """
import os, sys
from celery import Celery
from bluma_async import AsyncBluma
from bluma_async.fleet import celery as engine

engine.fingerprint_database = lambda url: "journal"  # each process reaches it through a proxy of its own

def open_client():
    return AsyncBluma(os.environ["KEY"], os.environ["URL"], retry_delay=0.2, timeout=float(os.environ["TIMEOUT"]),
        settle_time=float(os.environ["SETTLE"]))

app = Celery("fleet", broker=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_transport_options = {"visibility_timeout": 30}
engine.tasks(app, os.environ["JOURNAL"], out=os.environ["OUT"], open_client=open_client,
    lease=float(os.environ["LEASE"]), poll_interval=0.5, exclusive=os.environ["EXCLUSIVE"] == "1")
schedule = os.environ["OUT"] + f"-beat-{os.getpid()}"
name = f"w{os.getpid()}@here"
app.worker_main(["worker", "-B", "-s", schedule, "-Q", "bluma", "-c", "3", "-l", "WARNING", "-n", name])
"""
