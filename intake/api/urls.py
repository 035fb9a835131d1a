"""Addresses of the intake part of the API, below `/api/v1/`."""

from django.urls import path

from intake.api import collections, views

urlpatterns = [
    path("quota", views.QuotaView.as_view(), name="quota"),
    path("collections", collections.CollectionsView.as_view(), name="collections"),
    path("collections/<slug:name>", collections.CollectionView.as_view(), name="collection"),
    path("receipts/<uuid:receipt_id>", views.ReceiptView.as_view(), name="receipt"),
]
