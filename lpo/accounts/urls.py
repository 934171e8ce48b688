"""Addresses below `/<organization>/`."""

from django.urls import path

from lpo.accounts.views import organization, people

app_name = "accounts"
urlpatterns = [
    path("", people.landing, name="landing"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<str:email>/resend/", people.resend, name="resend_invitation"),
    path("people/invitations/<str:email>/revoke/", people.revoke, name="revoke_invitation"),
    path("people/<str:email>/", people.person, name="person"),
    path("people/<str:email>/deactivate/", people.deactivate, name="deactivate"),
    path("people/<str:email>/reactivate/", people.reactivate, name="reactivate"),
    path("settings/", organization.settings, name="settings"),
    path("tokens/", organization.tokens, name="tokens"),
    path("tokens/new/", organization.new_token, name="new_token"),
    path("tokens/<str:prefix>/revoke/", organization.revoke_token, name="revoke_token"),
]
