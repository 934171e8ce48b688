from django.apps import AppConfig


class EngagementsConfig(AppConfig):
    name = "engagements"

    def ready(self) -> None:
        # Models are loaded by now, which the panels read.
        from engagements import escalating, own_panels  # noqa: PLC0415

        own_panels.register()
        escalating.register()
