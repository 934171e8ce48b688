from django import forms
from django.apps import AppConfig

from lpo.core.validators import validate_lines


class CoreConfig(AppConfig):
    name = "lpo.core"
    label = "core"

    def ready(self) -> None:
        # Every text a person types, in every room: a form that forgot its validator is then no gap. Forms are declared later,
        # when the addresses are read.
        forms.CharField.default_validators = [validate_lines]
