"""Where leads are posted."""

from django.urls import path
from leads.views import healthy, receive_lead

urlpatterns = [path("webhooks/leads/", receive_lead), path("health/", healthy)]
