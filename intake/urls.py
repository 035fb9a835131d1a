"""Addresses of the intake pages, on a tenant's host."""

from django.urls import path

from intake import collection_views, views

urlpatterns = [
    path("collections/", collection_views.collections, name="collections"),
    path("collections/new/", collection_views.collection_new, name="collection_new"),
    path(
        "collections/<slug:collection>/settings/",
        collection_views.collection_settings,
        name="collection",
    ),
    path(
        "collections/<slug:collection>/delete/",
        collection_views.collection_remove,
        name="collection_remove",
    ),
    path("upload/", views.upload, name="upload"),
    path("receipts/", views.receipts, name="receipts"),
    path("receipts/<uuid:receipt_id>/", views.receipt, name="receipt"),
]
