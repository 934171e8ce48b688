from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "lpo.accounts"
    label = "accounts"
