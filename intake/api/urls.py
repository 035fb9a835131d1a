"""Addresses of the intake part of the API, below `/api/v1/`."""

from django.urls import path

from intake.api import views

urlpatterns = [
    path("quota", views.QuotaView.as_view(), name="quota"),
    path("receipts/<uuid:receipt_id>", views.ReceiptView.as_view(), name="receipt"),
]
