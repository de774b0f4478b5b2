"""The migrations of the image and those of the database, as Django's own loader sees them."""

from django.db.migrations.exceptions import (
    BadMigrationError,
    CircularDependencyError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.executor import MigrationExecutor

from deploy_talk import Refused, dotted


def executor_of(database):
    """An executor, once the migrations are known to fit together."""
    try:
        executor = MigrationExecutor(database.connection)
        executor.loader.check_consistent_history(database.connection)
    except InconsistentMigrationHistory as error:
        raise Refused(
            str(error),
            usage=True,
            hint="If the database has the dependency's change already, record it: python3 manage.py migrate --fake APP NAME",
        )
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError) as error:
        raise Refused("the migrations do not fit together: %s" % error, usage=True)
    refuse_conflicts(executor.loader)
    return executor


def refuse_conflicts(loader):
    conflicts = loader.detect_conflicts()
    if not conflicts:
        return
    named = "; ".join("%s in %s" % (" and ".join(sorted(names)), app) for app, names in sorted(conflicts.items()))
    raise Refused(
        "the migrations have several ends: %s" % named,
        usage=True,
        hint="Join them in the source: python3 manage.py makemigrations --merge %s" % " ".join(sorted(conflicts)),
    )


def find(loader, app, name):
    """The key of a migration by its name or a prefix of it that is unique in its app; of a squashed one that is applied
    in part, that of the last that it replaces."""
    if app not in loader.migrated_apps:
        raise Refused("unknown", asked={"app": app, "name": name}, apps=sorted(loader.migrated_apps))
    names = sorted(n for a, n in loader.disk_migrations if a == app)
    found = [n for n in names if n == name] or [n for n in names if name and n.startswith(name)]
    if not found:
        raise Refused("unknown", asked={"app": app, "name": name}, names=names)
    if len(found) > 1:
        raise Refused("%s.%s is not one migration: it may be %s" % (app, name, " or ".join(found)), usage=True)
    key = (app, found[0])
    if key not in loader.graph.nodes and key in loader.replacements:
        key = tuple(loader.replacements[key].replaces[-1])
    return key


def backwards_plan(executor, targets):
    """What is undone to come to the targets, in that order."""
    loader, keys = executor.loader, []
    for target in targets:
        app, name = target["app"], target["name"]
        if name == "zero":
            if app not in loader.migrated_apps:
                find(loader, app, name)
            keys.append((app, None))
            continue
        key = find(loader, app, name)
        if key not in loader.applied_migrations:
            raise Refused("%s is not applied: there is nothing to take back to it" % dotted(key), usage=True)
        keys.append(key)
    plan = executor.migration_plan(keys)
    return [migration for migration, backwards in plan if backwards]


def foreign(executor):
    """Migrations that the database has and the image does not know, in the order in which they were applied."""
    ours = set(executor.loader.disk_migrations)
    for migration in executor.loader.disk_migrations.values():
        ours.update(tuple(key) for key in migration.replaces)
    if not executor.recorder.has_table():
        return []
    keys = executor.recorder.migration_qs.order_by("id").values_list("app", "name")
    return [key for key in keys if tuple(key) not in ours]
