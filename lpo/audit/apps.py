from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "lpo.audit"
    label = "audit"

    def ready(self) -> None:
        # Imported here because models exist only now. Accounts lies below and cannot import the audit room itself.
        from lpo.accounts import trail  # noqa: PLC0415
        from lpo.audit.record import record  # noqa: PLC0415

        trail.register(record)
