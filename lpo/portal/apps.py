from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "lpo.portal"
    label = "portal"
