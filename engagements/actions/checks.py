"""What every action of the room does the same way: validate, compare versions, describe changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from babel.numbers import list_currencies
from django.core.exceptions import ValidationError
from django.db import connection, models

from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused, StaleVersion
from lpo.core.locks import hold_key
from lpo.core.validators import WRONG_YEAR, plausible, problem_of_text
from lpo.core.zones import zone_names
from lpo.tenancy.context import current_organization_id

M = TypeVar("M", bound=models.Model)
# Short texts that may still have several lines, besides every TextField.
_OF_LINES = frozenset({"note", "contest_note", "reason"})


class Duplicate(Refused):
    """The same thing exists already; `existing` is it. A form sent twice ends here and not in a second record."""

    def __init__(self, message: str, existing: models.Model, field: str | None = None) -> None:
        super().__init__(message, field)
        self.existing = existing


def one_by_one(*key: object) -> None:
    """Who comes with the same key waits until this transaction has ended, and then finds what it made. For what has no row to lock."""
    hold_key(current_organization_id(), *key)


def need_any(by: Actor, permissions: Iterable[Permission]) -> None:
    """Raise `NotPermitted` unless the actor holds one of them."""
    wanted = sorted(permissions)
    if not by.permissions.intersection(wanted):
        raise NotPermitted(f"{by.label} may not {' or '.join(p.value for p in wanted)}.")


def plain(value: object) -> object:
    """A value as the audit stores it."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def check(obj: models.Model) -> None:
    """Run the model's own validation, constraints included. Raises `Refused` naming the first field."""
    aside = {"batch"}  # set by imports alone
    # A row that was handed over is there: it need not be asked for.
    relations = {each.name for each in obj._meta.concrete_fields if each.is_relation}
    given = {"organization"} | (relations & obj._state.fields_cache.keys())
    try:
        obj.clean_fields(exclude=aside | given)
        obj.clean()
        obj.validate_unique(exclude=aside)
        obj.validate_constraints(exclude=aside)
        for each in obj._meta.concrete_fields:
            if isinstance(value := getattr(obj, each.attname), date) and not plausible(value):
                raise ValidationError({each.name: WRONG_YEAR})
            _check_text(each, value)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(str(messages[0]), None if field == "__all__" else field) from error


def _check_text(each: models.Field[Any, Any], value: object) -> None:
    lines = isinstance(each, models.TextField) or each.name in _OF_LINES
    if isinstance(value, str) and (problem := problem_of_text(value, lines=lines)):
        raise ValidationError({each.name: problem})


def build(model: type[M], fields: Mapping[str, Any]) -> M:
    """A checked, unsaved object of the current organization."""
    obj = model(organization_id=current_organization_id(), **fields)
    check(obj)
    return obj


def locked(obj: M) -> M:
    """The row as it is now, locked until the transaction ends."""
    manager: Any = type(obj)._default_manager
    row: M = manager.select_for_update(of=("self",)).get(pk=obj.pk)
    return row


def change(obj: M, version: int, fields: Mapping[str, Any]) -> tuple[M, dict[str, object], dict[str, object]]:
    """Lock, compare, validate and save what differs; returns the row with what changed, before and after.

    Nothing differs: nothing is written, so the same form sent twice is no conflict. Raises `StaleVersion` when somebody else
    saved since `version` was read, `Refused` when a value is not acceptable.
    """
    row: Any = locked(obj)
    different = {name: value for name, value in fields.items() if plain(getattr(row, name)) != plain(value)}
    if not different:
        return row, {}, {}
    before = {name: plain(getattr(row, name)) for name in different}
    if row.version != version:
        yours = {name: plain(value) for name, value in different.items()}
        raise StaleVersion("Somebody else saved this in the meantime.", theirs=before, yours=yours, version=row.version)
    for name, value in different.items():
        setattr(row, name, value)
    check(row)
    row.version += 1
    row.save(update_fields=[*different, "version"])
    return row, before, {name: plain(value) for name, value in different.items()}


def draw(table: str, counter: str, row_id: int, n: int = 1) -> int:
    """Take `n` numbers from a row's counter and return the last. The row stays locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(  # the names are constants of this package
            f"UPDATE {table} SET {counter} = {counter} + %s WHERE organization_id = %s AND id = %s RETURNING {counter}",  # noqa: S608
            [n, current_organization_id(), row_id],
        )
        found = cursor.fetchone()
    if found is None:
        raise Refused("It is not there any more.")
    return int(found[0])


def known_zone(value: str, field: str = "time_zone") -> None:
    if value not in zone_names():
        raise Refused(f"“{value}” is not a time zone. Write one as Europe/London.", field)


def known_currency(value: str, field: str = "currency") -> None:
    if value not in list_currencies():
        raise Refused(f"“{value}” is not a currency. Write its three letters, as USD.", field)
