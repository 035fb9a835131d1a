"""Addresses of the intake part of the API, below `/api/v1/`."""

from django.urls import path

from intake.api import collections, metadata, uploads, views

urlpatterns = [
    path("schema", metadata.MetadataSchemaView.as_view(), name="metadata-schema"),
    path(
        "schema/versions",
        metadata.MetadataSchemaVersionsView.as_view(),
        name="metadata-schema-versions",
    ),
    path("quota", views.QuotaView.as_view(), name="quota"),
    path("collections", collections.CollectionsView.as_view(), name="collections"),
    path("collections/<slug:collection>", collections.CollectionView.as_view(), name="collection"),
    path("uploads", uploads.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.UploadView.as_view(), name="upload"),
    path("receipts/keys", views.ReceiptKeysView.as_view(), name="receipt-keys"),
    path("receipts/<uuid:receipt_id>", views.ReceiptView.as_view(), name="receipt"),
]
