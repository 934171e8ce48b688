from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "lpo.audit"
    label = "audit"
