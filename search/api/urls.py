"""Addresses of the search part of the API, below `/api/v1/`."""

from django.urls import path

from search.api import views

urlpatterns = [
    path("query", views.QueryView.as_view(), name="query"),
    path("proofs/verify", views.ProofVerifyView.as_view(), name="proof-verify"),
]
