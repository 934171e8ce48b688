from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "lpo.reports"
    label = "reports"
