from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"
    label = "sla"

    def ready(self) -> None:
        # Models can be imported only once every app is loaded.
        from engagements import events, listing, weeks  # noqa: PLC0415
        from sla import closing, desk, escalations, holds, panels, waits  # noqa: PLC0415
        from sla.projection import on_changed  # noqa: PLC0415

        if on_changed not in events.subscribers:
            events.subscribers.append(on_changed)
        if desk.next_due not in weeks.due_dates:
            weeks.due_dates.append(desk.next_due)
        kept = ("show", "client", "engagement", "workstream", "owner", "threshold", "group")
        listing.lists["today"] = listing.Listed("Today", "sla:today", kept)
        listing.lists["ledger"] = listing.Listed("Contest ledger", "sla:ledger", ("state", "kind", "party", "client"))
        panels.register()
        holds.register()
        closing.register()
        waits.register()
        escalations.register()
