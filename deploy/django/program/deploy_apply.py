"""Changes the database: applies migrations, and takes them back."""

import copy
import time
from contextlib import ExitStack

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import OperationalError, ProgrammingError, migrations, transaction
from django.db.migrations.state import ModelState

from deploy_database import could_not_lock
from deploy_history import backwards_plan, executor_of
from deploy_inspect import transactional
from deploy_operations import can_be_undone
from deploy_talk import Refused, dotted, identity
from deploy_there import AddIndexConcurrently, There

try:
    from django.contrib.postgres import operations as postgres
except ImportError:
    postgres = None

# They wait for others and nobody for them: a limit would only end them.
QUIET = tuple(
    getattr(postgres, name)
    for name in ("AddIndexConcurrently", "RemoveIndexConcurrently", "ValidateConstraint")
    if hasattr(postgres, name)
)
# They cannot be in a transaction, or have been kept out of one by who wrote them.
ALONE = QUIET + (migrations.RunPython, migrations.RunSQL, migrations.SeparateDatabaseAndState)

LONGEST_PAUSE = 30


class Change:
    """One command's work on the database, under the deployer's lock."""

    def __init__(self, database, talk, request):
        self.database = database
        self.connection = database.connection
        self.talk = talk
        self.request = request
        self.there = There(self.connection)
        database.lock(request["wait"])
        self.executor = executor_of(database)

    def apply(self, wanted):
        loader = self.executor.loader
        if wanted:
            plan = [migration for migration in (self._asked(key) for key in wanted) if migration is not None]
        else:
            plan = [migration for migration, _ in self.executor.migration_plan(loader.graph.leaf_nodes())]
        self._refuse_gaps(plan)
        self.executor.recorder.ensure_schema()
        state = self.executor._create_project_state(with_applied_migrations=True)
        state.apps  # rendered once, and not for each migration
        options = {"verbosity": 0, "interactive": False, "db": self.database.alias}
        emit_pre_migrate_signal(apps=state.apps, plan=[(migration, False) for migration in plan], **options)
        for migration in plan:
            state = self._one(migration, "applying", "applied", self._forwards, state)
        # Also where nothing was left to apply: who was killed has not come to it.
        emit_post_migrate_signal(apps=_real_models(state), plan=[(migration, False) for migration in plan], **options)
        loader.build_graph()

    def _asked(self, target):
        """The migration, or None where the database has it."""
        key, loader = (target["app"], target["name"]), self.executor.loader
        if key in loader.applied_migrations:
            self.talk.say("%s is applied already" % dotted(key))
            return None
        if key in loader.graph.nodes:
            return loader.graph.nodes[key]
        names = sorted(name for app, name in loader.disk_migrations if app == key[0])
        if not names:
            raise Refused("unknown", asked=target, apps=sorted(loader.migrated_apps))
        raise Refused("unknown", asked=target, names=names)

    def _refuse_gaps(self, plan):
        have = set(self.executor.loader.applied_migrations)
        for migration in plan:
            key = (migration.app_label, migration.name)
            lacking = [each for each in self.executor.loader.graph.forwards_plan(key) if each != key and each not in have]
            if lacking:
                raise Refused("%s needs %s, which is not applied" % (dotted(key), " and ".join(map(dotted, lacking))))
            have.add(key)

    def revert(self, targets):
        plan = backwards_plan(self.executor, targets)
        for migration in plan:
            for operation in migration.operations:
                # Django would find out half-way.
                if not can_be_undone(operation):
                    raise Refused(
                        "%s names no way back: nothing was reverted" % operation.describe(),
                        migration=identity(migration),
                    )
        state = self.executor._create_project_state(with_applied_migrations=True)
        options = {"verbosity": 0, "interactive": False, "db": self.database.alias}
        emit_pre_migrate_signal(apps=state.apps, plan=[(migration, True) for migration in plan], **options)
        for migration in plan:
            state = self._one(migration, "reverting", "reverted", self._backwards, state)
        emit_post_migrate_signal(apps=_real_models(state), plan=[(migration, True) for migration in plan], **options)

    def _one(self, migration, doing, done, run, state):
        """One migration, with the lines that tell of it."""
        name, atomic = dotted((migration.app_label, migration.name)), transactional(self.database, migration)
        self.talk.say("%s %s" % (doing, name))
        self.talk.event("begun", migration=identity(migration), atomic=atomic)
        began = time.monotonic()
        self.database.lock(self.request["wait"])  # a migration may have closed the connection
        state = run(migration, state)
        self.talk.event("done", migration=identity(migration))
        self.talk.say("%s %s in %.1f s" % (done, name, time.monotonic() - began))
        return state

    def _forwards(self, migration, state):
        if not self.database.postgres or migration.atomic:
            return self._attempts(migration.operations, lambda: self._whole(migration, False, state.clone()))
        return self._stepwise(migration, state)

    def _backwards(self, migration, state):
        def once():
            self.executor.loader.build_graph()
            return self._whole(migration, True, None)

        return self._attempts(migration.operations, once)

    def _whole(self, migration, backwards, state):
        """A migration as Django does it; one that is a transaction with its record in it, which Django writes behind
        the transaction where indexes or foreign keys are made last."""
        with ExitStack() as stack:
            if self.database.postgres and migration.atomic:
                stack.enter_context(transaction.atomic(using=self.database.alias))
            return self.executor.migrate(None, plan=[(migration, backwards)], state=state)

    def _attempts(self, operations, run):
        """Runs something until it gets its locks, for as many times as are allowed."""
        quiet = bool(operations) and all(isinstance(operation, QUIET) for operation in operations)
        pause = self.request["pause"]
        for attempt in range(1, self.request["attempts"] + 1):
            self.database.set_lock_timeout(0 if quiet else self.request["lock_timeout"])
            try:
                return run()
            except OperationalError as error:
                if not could_not_lock(error):
                    raise
                text = "attempt %d of %d got no lock within %g s" % (
                    attempt,
                    self.request["attempts"],
                    self.request["lock_timeout"],
                )
                if attempt == self.request["attempts"]:
                    raise Refused("%s: others use the table for too long" % text, waited=True) from error
                self.talk.say("%s; the next in %g s" % (text, pause))
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _stepwise(self, migration, state):
        """A migration that is no transaction, one operation after the other. Whoever killed it before it was recorded
        finds what is done, and passes over it."""
        with self.connection.schema_editor(atomic=False) as editor:
            for operation in migration.operations:
                step = copy.copy(migration)
                step.operations = [operation]
                state = self._attempts([operation], lambda: self._step(step, operation, state, editor))
            while editor.deferred_sql:
                self._attempts([], lambda: editor.execute(editor.deferred_sql[0]))
                editor.deferred_sql.pop(0)
        self.executor.record_migration(migration)
        return state

    def _step(self, step, operation, state, editor):
        after = state.clone()
        operation.state_forwards(step.app_label, after)
        if self.there.done(operation, step.app_label, state, after):
            self.talk.say("%s: done already, by an attempt that was interrupted" % operation.describe())
            return after
        if AddIndexConcurrently is not None and isinstance(operation, AddIndexConcurrently):
            self._drop_invalid(operation.index.name, editor)
        if isinstance(operation, ALONE) or not operation.__module__.startswith("django."):
            return step.apply(state.clone(), editor)
        deferred = list(editor.deferred_sql)
        try:
            with transaction.atomic(using=self.database.alias):
                after = step.apply(state.clone(), editor)
                self._finish(editor)
                return after
        except BaseException:
            editor.deferred_sql[:] = deferred
            raise

    def _finish(self, editor):
        """The indexes and foreign keys that the editor does last belong to the operation; what refers to a table that a
        later one makes waits for it."""
        waiting = []
        for statement in editor.deferred_sql:
            try:
                with transaction.atomic(using=self.database.alias):
                    editor.execute(statement)
            except ProgrammingError:
                waiting.append(statement)
        editor.deferred_sql[:] = waiting

    def _drop_invalid(self, name, editor):
        table, valid = self.there.index(name)
        if table is not None and not valid:
            self.talk.say("dropping the index %s, which nobody has finished" % name)
            editor.execute("DROP INDEX CONCURRENTLY IF EXISTS %s" % self.connection.ops.quote_name(name))


def _real_models(state):
    """What migrate hands to those that listen: all models, those of apps without migrations anew."""
    state.clear_delayed_apps_cache()
    rendered = state.apps
    with rendered.bulk_update():
        keys = [(real.app_label, real.name_lower) for real in rendered.real_models]
        for key in keys:
            rendered.unregister_model(*key)
    rendered.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    return rendered
