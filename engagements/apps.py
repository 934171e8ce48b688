from django.apps import AppConfig


class EngagementsConfig(AppConfig):
    name = "engagements"

    def ready(self) -> None:
        # Models are loaded by now, which the panels read.
        from engagements import escalating, events, own_panels  # noqa: PLC0415
        from engagements.actions import deliverables  # noqa: PLC0415

        own_panels.register()
        escalating.register()
        if deliverables.on_changed not in events.subscribers:
            events.subscribers.append(deliverables.on_changed)
