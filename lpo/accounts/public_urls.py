"""Addresses outside any organization. allauth's own stand beside them under `/accounts/`."""

from django.urls import path

from lpo.accounts.views import public

urlpatterns = [
    path("", public.home, name="home"),
    path("organizations/", public.organizations, name="organizations"),
    path("invitations/<str:token>/", public.invitation, name="invitation"),
    path("accounts/profile/", public.profile, name="profile"),
]
