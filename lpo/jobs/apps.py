from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "lpo.jobs"
    label = "jobs"
