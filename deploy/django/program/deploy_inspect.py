"""Looks at migrations without changing anything."""

from deploy_history import backwards_plan, executor_of, foreign
from deploy_operations import classified
from deploy_talk import identity

NOTHING = {"name": "Nothing", "text": "Nothing to do", "reversal": "reversible", "survived": True}


def inspect(database):
    executor = executor_of(database)
    loader = executor.loader
    leaves = loader.graph.leaf_nodes()
    full = [migration for migration, _ in executor.migration_plan(leaves, clean_start=True)]
    plan = [migration for migration, _ in executor.migration_plan(leaves)]
    wanted = set(plan)
    state = executor._create_project_state(with_applied_migrations=True)
    pending, fresh = [], set()
    for migration in plan:
        pending.append(classify(database, migration, state, fresh))
        state = migration.mutate_state(state, preserve=False)
    return {
        "known": [identity(migration) for migration in full],
        "pending": pending,
        "foreign": [{"app": app, "name": name} for app, name in foreign(executor)],
    }


def backwards(database, targets):
    executor = executor_of(database)
    plan = backwards_plan(executor, targets)
    undone, applied = set(plan), executor.loader.applied_migrations
    full = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    state, found = executor._create_project_state(), {}
    for migration, _ in full:
        key = (migration.app_label, migration.name)
        if key not in applied:
            continue
        if migration in undone:
            found[key] = classify(database, migration, state, set())
        state = migration.mutate_state(state, preserve=False)
    return [found[(migration.app_label, migration.name)] for migration in plan]


def classify(database, migration, state, fresh):
    """One migration, from the state that it begins with, which stays as it is."""
    survived = bool(getattr(migration, "deploy_survived", False))
    before, operations = state.clone(), []
    for operation in migration.operations:
        after = before.clone()
        operation.state_forwards(migration.app_label, after)
        operations.append(
            classified(database.connection, operation, migration.app_label, before, after, survived, fresh)
        )
        before = after
    # One that only joins others has no operations, which would say that nothing is known of it.
    operations = operations or [dict(NOTHING)]
    return dict(identity(migration), operations=operations, transactional=transactional(database, migration))


def transactional(database, migration):
    return bool(migration.atomic and database.connection.features.can_rollback_ddl)
