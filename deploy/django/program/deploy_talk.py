"""Speaks with the deployer: lines of JSON behind a marker for it, all other lines for people."""

import json
import os
import sys
import traceback


class Refused(Exception):
    """What the program cannot do, in words; the keywords are those of the deployer's refusal."""

    def __init__(self, text, **more):
        super().__init__(text)
        self.more = more


class Stopped(BaseException):
    """A signal asked the program to end. Not an Exception, so that no migration catches it."""


class Talk:
    def __init__(self, marker):
        self.marker = marker

    def say(self, text):
        print(text, flush=True)

    def event(self, name, **more):
        """One line for the deployer. It passes by whatever stands in for standard output."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        line = (self.marker + json.dumps(dict(more, event=name)) + "\n").encode()
        while line:
            line = line[os.write(1, line) :]


def identity(migration):
    return {"app": migration.app_label, "name": migration.name}


def dotted(key):
    return "%s.%s" % tuple(key)


def in_a_line(error):
    """An exception as the last line of its traceback, with the line of the migration that raised it."""
    text = str(error).strip().split("\n")[0]
    kind = type(error).__name__
    module = type(error).__module__ or ""
    if not text:
        text = kind
    elif not module.startswith(("django.", "psycopg")) and not isinstance(error, SystemExit):
        text = "%s: %s" % (kind, text)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        folder = os.path.dirname(frame.filename)
        if os.path.basename(folder) == "migrations" and "/django/db/" not in frame.filename:
            place = os.path.join(os.path.basename(os.path.dirname(folder)), "migrations", os.path.basename(frame.filename))
            return "%s (%s, line %d)" % (text, place, frame.lineno)
    return text
