from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "lpo.core"
    label = "core"
