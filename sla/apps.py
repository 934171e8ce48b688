from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"
    label = "sla"

    def ready(self) -> None:
        # Models can be imported only once every app is loaded.
        from engagements import events  # noqa: PLC0415
        from sla import closing, escalations, holds, panels, waits  # noqa: PLC0415
        from sla.projection import on_changed  # noqa: PLC0415

        if on_changed not in events.subscribers:
            events.subscribers.append(on_changed)
        panels.register()
        holds.register()
        closing.register()
        waits.register()
        escalations.register()
