"""Addresses of the documents' pages, on a tenant's host."""

from django.urls import path

from processing import views

urlpatterns = [
    path("", views.documents, name="documents"),
    path("documents/status/", views.documents_status, name="documents_status"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/move/", views.move, name="document_move"),
]
