class Aside:
    """Keeps one model in another database."""

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return (db == "aside") == (model_name == "elsewhere")
