"""Carries out one request, and says how it ended."""

import io
import json
import sys

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError

from deploy_apply import Change
from deploy_database import Database, stopping
from deploy_history import executor_of, find
from deploy_inspect import backwards, inspect
from deploy_talk import Refused, Stopped, Talk, in_a_line


def main(encoded):
    request = json.loads(encoded)
    talk = Talk(request["marker"])
    database = None
    try:
        database = Database(request["database"], talk)
        with stopping(database):
            database.connect()
            answer = _carry_out(request, database, talk)
        talk.event("answer", answer=answer)
    except BaseException as error:
        talk.event("failure", failure=_failure(error, database))
        sys.exit(1)


def _failure(error, database):
    if isinstance(error, Refused):
        return dict(error.more, text=str(error))
    if _stopped(error):
        return {"text": "stopped by a signal"}
    text = in_a_line(error)
    if isinstance(error, (DatabaseError, InterfaceError)) and database is not None and database.lost():
        text = "the database went away: %s" % text
    return {"text": text}


def _stopped(error):
    """Whether a signal is behind an error, such as that of the statement that was cancelled for it."""
    while error is not None:
        if isinstance(error, Stopped):
            return True
        error = error.__cause__ or error.__context__
    return False


def _carry_out(request, database, talk):
    targets = request["migrations"]
    if request["do"] == "inspect":
        return inspect(database)
    if request["do"] == "backwards":
        return backwards(database, targets)
    if request["do"] == "apply":
        return Change(database, talk, request).apply(targets)
    if request["do"] == "revert":
        return Change(database, talk, request).revert(targets)
    if request["do"] == "fake":
        return _fake(database, talk, request, targets[0])
    if request["do"] == "status":
        return call_command("showmigrations", database=database.alias, no_color=True, stdout=sys.stdout)
    if request["do"] == "sql":
        return _sql(database, targets[0], request["backwards"])
    raise Refused("the program knows no %s" % request["do"])


def _key(database, target):
    loader = executor_of(database).loader
    if target["name"] == "zero" and target["app"] in loader.migrated_apps:
        return target["app"], "zero"
    return find(loader, target["app"], target["name"])


def _fake(database, talk, request, target):
    database.lock(request["wait"])
    app, name = _key(database, target)
    call_command(
        "migrate", app, name, fake=True, database=database.alias, interactive=False, no_color=True, stdout=sys.stdout
    )


def _sql(database, target, backwards):
    app, name = _key(database, target)
    if name == "zero":
        raise Refused("zero is no migration", usage=True)
    text = io.StringIO()
    try:
        call_command(
            "sqlmigrate", app, name, backwards=backwards, database=database.alias, no_color=True, stdout=text
        )
    except CommandError as error:
        raise Refused(str(error), usage=True)
    return text.getvalue()
