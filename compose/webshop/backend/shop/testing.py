from celery import current_app
from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):
    """Uses a queue of its own: a worker of the same Redis that serves customers must not see the tests' tasks."""

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        current_app.conf.task_default_queue = "webshop-tests"
