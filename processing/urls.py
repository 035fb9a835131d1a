"""Addresses of the documents' pages, on a tenant's host."""

from django.urls import path

from processing import batch_views, letter_views, views

urlpatterns = [
    path("dead-letters/", letter_views.dead_letters, name="dead_letters"),
    path("dead-letters/decide/", letter_views.decide, name="dead_letters_decide"),
    path("", views.documents, name="documents"),
    path("documents/status/", views.documents_status, name="documents_status"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/move/", views.move, name="document_move"),
    path("batches/<uuid:batch_id>/", batch_views.batch, name="batch"),
    path("batches/<uuid:batch_id>/status/", batch_views.batch_status, name="batch_status"),
    path("batches/<uuid:batch_id>/report/", batch_views.batch_report, name="batch_report"),
]
