"""What the application may do with the global tables. A new third-party table needs a line here; a guard test asks the catalogue."""

from django.db import migrations

READ_WRITE_DELETE = [
    "account_emailaddress",
    "account_emailconfirmation",
    "mfa_authenticator",
    "usersessions_usersession",
    "django_session",
]
READ_WRITE = ["accounts_user", "accounts_organization", "accounts_membership", "accounts_invitation", "accounts_apitoken"]
READ = ["django_migrations", "django_content_type", "auth_permission", "auth_group", "auth_group_permissions"]


def statements() -> list[str]:
    return [
        *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO lpo_app" for table in READ_WRITE_DELETE),
        *(f"GRANT SELECT, INSERT, UPDATE ON {table} TO lpo_app" for table in READ_WRITE),
        *(f"GRANT SELECT ON {table} TO lpo_app" for table in READ),
        *(f"GRANT SELECT ON {table} TO lpo_backup" for table in [*READ_WRITE_DELETE, *READ_WRITE, *READ]),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(statements(), migrations.RunSQL.noop)]
