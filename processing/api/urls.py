"""Addresses of the documents' part of the API, below `/api/v1/`."""

from django.urls import path

from processing.api import views

urlpatterns = [
    path("documents", views.DocumentsView.as_view(), name="documents"),
    path("documents/<uuid:document_id>", views.DocumentView.as_view(), name="document"),
    path("documents/<uuid:document_id>/chunks", views.ChunksView.as_view(), name="chunks"),
    path(
        "documents/<uuid:document_id>/pages/<int:page>.png",
        views.PageImageView.as_view(),
        name="page-image",
    ),
]
