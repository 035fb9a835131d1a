"""Addresses of the search pages, on a tenant's host."""

from django.urls import path

from search import views

urlpatterns = [
    path("search/", views.search, name="search"),
    path("search/<uuid:name>/", views.results, name="search_results"),
    path("search/verify/", views.verify, name="verify"),
]
