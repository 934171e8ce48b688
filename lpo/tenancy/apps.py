from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "lpo.tenancy"
    label = "tenancy"
