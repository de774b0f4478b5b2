"""The database that the migrations are for: its session, the deployer's lock in it, and what its errors mean."""

import os
import signal
import threading
import time
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.signals import connection_created

from deploy_talk import Refused, Stopped

# One lock for the migrations of a database; advisory locks are of one database. Any two numbers would do.
LOCK = (0x77736470, 0x6D696772)

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"


def sqlstate(error):
    """The five characters of an error of psycopg2 or psycopg, through Django's own exception."""
    while error is not None:
        code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if code:
            return code
        error = error.__cause__
    return None


def could_not_lock(error):
    return sqlstate(error) in (LOCK_NOT_AVAILABLE, DEADLOCK)


class Database:
    def __init__(self, alias, talk):
        self.alias = alias
        self.talk = talk
        if alias not in connections:
            raise Refused(
                "the settings have no database %s; there is %s" % (alias, ", ".join(connections)), usage=True
            )
        self.connection = connections[alias]
        self.postgres = self.connection.vendor == "postgresql"
        self.locked_on = None

    def connect(self):
        connection_created.connect(self._prepare, weak=False)
        try:
            self.connection.ensure_connection()
        except (OperationalError, InterfaceError) as error:
            raise Refused("the database cannot be reached: %s" % str(error).strip().split("\n")[0])

    def _prepare(self, connection, **_):
        if connection.alias != self.alias or not self.postgres:
            return
        self._try("SET application_name = 'deploy migrations'")
        # Who kills this process wants no statement of it to go on.
        if connection.pg_version >= 140000:
            self._try("SET client_connection_check_interval = 1000")

    def _try(self, statement):
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:
            pass  # a server that does not know the setting does without

    def lost(self):
        """Whether the server does not answer any more."""
        if self.connection.connection is None:
            return False
        try:
            return not self.connection.is_usable()
        except Exception:
            return True

    def set_lock_timeout(self, seconds):
        """How long a statement may wait for a lock; 0 is for ever."""
        if self.postgres:
            with self.connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = %d" % round(seconds * 1000))

    def lock(self, wait):
        """Takes the deployer's lock, for at most so many seconds. It is the session's: its end, however it comes,
        frees it. It is polled, since CREATE INDEX CONCURRENTLY waits for every statement that runs."""
        if not self.postgres or self.locked_on is not None and self.locked_on is self.connection.connection:
            return
        until, said = time.monotonic() + wait, 0.0
        while not self._locked():
            now = time.monotonic()
            if now >= until:
                raise Refused("another deployer changes the database%s: waited %g s for it" % (self._holder(), wait), waited=True)
            if now - said >= 30 or not said:
                self.talk.say("waiting for another deployer that changes the database%s" % self._holder())
                said = now
            time.sleep(min(0.25, max(0.0, until - now)))
        self.locked_on = self.connection.connection

    def _locked(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)
            return cursor.fetchone()[0]

    def _holder(self):
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.backend_start::timestamptz(0) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s AND l.objsubid = 2"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                LOCK,
            )
            row = cursor.fetchone()
        return " since %s" % row[0].strftime("%H:%M:%S %Z").strip() if row and row[0] else ""


@contextmanager
def stopping(database):
    """Ends the program in order when it is told to. A process that is the container's first ignores every signal that
    it has no handler for; and a handler in Python waits for the statement that runs, so that a thread cancels that."""
    asked = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def stop(number, frame):
        for each in asked:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped()

    def cancel():
        if not os.read(reading, 1):
            return
        try:
            database.connection.connection.cancel()
        except Exception:
            pass  # there was no statement, or no connection

    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=cancel, daemon=True).start()
    for each in asked:
        signal.signal(each, stop)
    yield
    # Behind the last statement an answer is on its way.
    for each in asked:
        signal.signal(each, signal.SIG_IGN)
