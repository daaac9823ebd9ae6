"""What each error means to whoever waits."""

import psycopg
import pytest
from psycopg import errors

from lamppost.db.faults import CannotConnect, Interrupted, PoolTimeout, interrupted, outrun, unavailable


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errors.AdminShutdown("x"), "server_shutting_down"),
        (errors.CrashShutdown("x"), "server_shutting_down"),
        (errors.CannotConnectNow("x"), "server_starting"),
        (errors.TooManyConnections("x"), "too_many_connections"),
        (errors.DiskFull("x"), "out_of_resources"),
        (errors.ConnectionFailure("x"), "connection_lost"),
        (errors.InvalidPassword("x"), "authentication_failed"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "too_many_connections"),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), "server_starting"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "connection_lost"),
        (psycopg.OperationalError("Connection refused\n\tIs the server running"), "connection_refused"),
        (
            psycopg.OperationalError("This RDS proxy has no credentials for the role app"),
            "authentication_failed",
        ),
        (errors.ConnectionTimeout("connection timeout expired"), "connect_timeout"),
        (CannotConnect("tls_refused"), "tls_refused"),
        (PoolTimeout("all 3"), "pool_exhausted"),
    ],
)
def test_a_database_that_is_out_has_a_stable_reason(error, reason):
    assert unavailable(error) == reason


@pytest.mark.parametrize(
    "error",
    [
        errors.UniqueViolation("password authentication failed"),
        errors.SyntaxError("x"),
        errors.SerializationFailure("x"),
        errors.QueryCanceled("x"),
        psycopg.ProgrammingError("the connection is closed"),
        ValueError("Connection refused"),
    ],
)
def test_a_fault_of_the_query_is_not_the_databases(error):
    assert unavailable(error) is None


def test_work_that_met_another_transaction_is_worth_another_try():
    assert outrun(errors.SerializationFailure("x"))
    assert outrun(errors.DeadlockDetected("x"))
    assert not outrun(errors.UniqueViolation("x"))
    assert not outrun(psycopg.OperationalError("the connection is lost"))


def test_stopped_work_is_told_from_broken_work():
    assert interrupted(errors.QueryCanceled("x"))
    assert interrupted(Interrupted("x"))
    assert not interrupted(errors.AdminShutdown("x"))
