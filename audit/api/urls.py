"""Addresses of the audit part of the API, below `/api/v1/`."""

from django.urls import path

from audit.api import views

urlpatterns = [
    path("audit/events", views.EventsView.as_view(), name="audit-events"),
    path("audit/events/<uuid:event_id>", views.EventView.as_view(), name="audit-event"),
]
