"""Checking, mapping and delivering leads: a task a lead, tried again with backoff."""

import requests
from celery import shared_task
from django.conf import settings
from django.db import transaction
from leads.mapping import Rejected, check, customer_payload
from leads.models import DeliveryAttempt, InboundLead, Status, StatusTransition

_SECONDS = 10
_FIRST_DELAY_SECONDS = 30
_RETRIES = 5
_session = requests.Session()


@shared_task
def process_lead(lead_id):
    """Check a lead, map it, and try for the first time to deliver it."""
    lead = InboundLead.objects.get(pk=lead_id)
    if lead.status != Status.RECEIVED:
        return
    try:
        check(lead.raw_payload)
        lead.customer_payload = customer_payload(lead.raw_payload)
    except Rejected as error:
        lead.rejection_code = str(error)
        move(lead, Status.REJECTED)
        return
    move(lead, Status.READY)
    attempt(lead, 1)


@shared_task
def deliver_again(lead_id, number):
    """Try again to deliver a lead."""
    lead = InboundLead.objects.get(pk=lead_id)
    move(lead, Status.READY)
    attempt(lead, number)


def attempt(lead, number):
    """Post a lead to the customer, and write down what came of it."""
    tried = DeliveryAttempt(lead=lead, number=number, request_body=lead.customer_payload)
    try:
        response = _session.post(settings.CUSTOMER_API_URL, json=lead.customer_payload, timeout=_SECONDS)
        tried.response_status, tried.response_body = response.status_code, response.text[:4096]
    except requests.RequestException as error:
        tried.error = str(error)
    if tried.response_status is not None and tried.response_status < 300:
        move(lead, Status.DELIVERED, tried)
    elif (tried.response_status is not None and tried.response_status < 500) or number > _RETRIES:
        move(lead, Status.PERMANENTLY_FAILED, tried)
    else:
        move(lead, Status.FAILED, tried)
        deliver_again.apply_async((lead.id, number + 1), countdown=_FIRST_DELAY_SECONDS * 2 ** (number - 1))


def move(lead, status, tried=None):
    """Change a lead's state, with the transition and the attempt, in one transaction."""
    with transaction.atomic():
        if tried is not None:
            tried.save()
        StatusTransition.objects.create(lead=lead, from_status=lead.status, to_status=status)
        lead.status = status
        lead.save()
