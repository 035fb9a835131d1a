"""Addresses of the intake pages, on a tenant's host."""

from django.urls import path

from intake import views

urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("receipts/", views.receipts, name="receipts"),
    path("receipts/<uuid:receipt_id>/", views.receipt, name="receipt"),
]
