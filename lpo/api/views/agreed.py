"""Contracts and purchase orders, to read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from engagements import orders
from engagements.models import Contract, ContractClause, PurchaseOrder
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import agreed as s
from lpo.api.views.base import View
from lpo.tenancy.context import current_organization_id, in_organization

_ENGAGEMENT = [OpenApiParameter("engagement", str, description="Reference of one engagement.")]


class ContractView(View):
    """Every version of every contract with its clauses."""

    required = {"GET": P.VIEW_MONEY}
    serializer_class = s.ContractSerializer

    def get_queryset(self) -> Any:
        return Contract.objects.select_related("engagement", "signed_file").defer("signed_file__content")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        page: Any = self.paginate_queryset(rows)
        clauses: dict[int, list[ContractClause]] = defaultdict(list)
        for clause in ContractClause.objects.filter(contract__in=page).order_by("position"):
            clauses[clause.contract_id].append(clause)
        for contract in page:
            contract.clauses = clauses[contract.id]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class OrderView(View):
    """Purchase orders with what is left of each, before tax."""

    required = {"GET": P.VIEW_MONEY}
    serializer_class = s.OrderSerializer

    def get_queryset(self) -> Any:
        return PurchaseOrder.objects.select_related("engagement")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        page: Any = self.paginate_queryset(rows)
        with in_organization(current_organization_id()):
            balances = orders.balances_of(page)
        for balance in balances:
            order: Any = balance.order
            order.drawn, order.remaining = balance.drawn, balance.remaining
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
