from unittest import mock

from django.test import TestCase

from shop import environment, health


class HealthTest(TestCase):
    def test_all_is_well(self):
        response = self.client.get("/api/health/")
        self.assertEqual((response.status_code, response.json()["status"]), (200, "ok"))

    def test_it_names_what_failed(self):
        with mock.patch.object(health.broker, "ping", side_effect=ConnectionError("refused")):
            response = self.client.get("/api/health/")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["failed"], {"redis": "refused"})


class EnvironmentTest(TestCase):
    def test_database_url_is_decoded(self):
        settings = environment.database("postgres://shop:p%40ss@db:5432/shop?sslmode=disable")
        self.assertEqual((settings["USER"], settings["PASSWORD"], settings["HOST"]), ("shop", "p@ss", "db"))
        self.assertEqual(settings["OPTIONS"], {"sslmode": "disable"})

    def test_a_missing_variable_is_named(self):
        with self.assertRaisesMessage(SystemExit, "NO_SUCH_VARIABLE is not set"):
            environment.required("NO_SUCH_VARIABLE")
