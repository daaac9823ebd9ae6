"""What starts first: PostgreSQL and the zygote, which load by themselves while this process loads its own.

Imports here are few on purpose: until `launch` has run, everything waits for them.
"""

from lamppost.local.functions.nursery import Nursery
from lamppost.local.options import Options
from lamppost.local.postgres.cluster import Cluster
from lamppost.local.postgres.external import External
from lamppost.local.state import Lock


class Launched:
    """The processes and the lock of one system. Raises `OperatorError` when another runs on the same data."""

    def __init__(self, options: Options) -> None:
        self.lock = Lock(options.data)
        self.cluster: Cluster | External = (
            External(options.postgres) if options.postgres else Cluster(options.data / "postgres")
        )
        self.nursery = Nursery()
        try:
            self.cluster.launch()
            self.nursery.launch(options.data)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End what still runs, and let the next system in. Ending twice does nothing more."""
        self.nursery.kill()
        self.cluster.stop()
        self.lock.release()
