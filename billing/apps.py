from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        # Models are loaded by now, which the panels read.
        from billing import closing, holds, orders, panels  # noqa: PLC0415

        panels.register()
        holds.register()
        closing.register()
        orders.register()
