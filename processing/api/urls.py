"""Addresses of the documents' part of the API, below `/api/v1/`."""

from django.urls import path

from processing.api import batch_reports, batches, dead_letters, events, views

urlpatterns = [
    path("batches", batches.BatchesView.as_view(), name="batches"),
    path("batches/<uuid:batch_id>", batches.BatchView.as_view(), name="batch"),
    path("dead-letters", dead_letters.DeadLettersView.as_view(), name="dead-letters"),
    path(
        "dead-letters/<uuid:run_id>/retry",
        dead_letters.RetryView.as_view(),
        name="dead-letter-retry",
    ),
    path(
        "dead-letters/<uuid:run_id>/skip", dead_letters.SkipView.as_view(), name="dead-letter-skip"
    ),
    path(
        "dead-letters/<uuid:run_id>/abandon",
        dead_letters.AbandonView.as_view(),
        name="dead-letter-abandon",
    ),
    path("batches/<uuid:batch_id>/cancel", batches.BatchCancelView.as_view(), name="batch-cancel"),
    path("documents", views.DocumentsView.as_view(), name="documents"),
    path("documents/<uuid:document_id>", views.DocumentView.as_view(), name="document"),
    path("documents/<uuid:document_id>/chunks", views.ChunksView.as_view(), name="chunks"),
    path(
        "documents/<uuid:document_id>/pages/<int:page>.png",
        views.PageImageView.as_view(),
        name="page-image",
    ),
    path(
        "batches/<uuid:batch_id>/report",
        batch_reports.BatchReportView.as_view(),
        name="batch-report",
    ),
    path("batches/<uuid:batch_id>/events", events.BatchEventsView.as_view(), name="batch-events"),
]
