from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "lpo.api"
    label = "api"
