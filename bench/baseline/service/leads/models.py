"""What is stored: the lead, each change of its state, each attempt to deliver it."""

import uuid

from django.db import models


class Status(models.TextChoices):
    """The states of a lead."""

    RECEIVED = "RECEIVED"
    REJECTED = "REJECTED"
    READY = "READY"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    PERMANENTLY_FAILED = "PERMANENTLY_FAILED"


class InboundLead(models.Model):
    """A lead as it came, and where it stands."""

    received_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    correlation_id = models.UUIDField(default=uuid.uuid4, db_index=True)
    raw_payload = models.JSONField()
    headers = models.JSONField()
    status = models.CharField(max_length=32, choices=Status, default=Status.RECEIVED, db_index=True)
    rejection_code = models.CharField(max_length=64, blank=True)
    customer_payload = models.JSONField(null=True)


class StatusTransition(models.Model):
    """A change of state."""

    lead = models.ForeignKey(InboundLead, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)
    from_status = models.CharField(max_length=32, blank=True)
    to_status = models.CharField(max_length=32)


class DeliveryAttempt(models.Model):
    """A try to deliver, answered or not."""

    lead = models.ForeignKey(InboundLead, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)
    number = models.PositiveIntegerField()
    request_body = models.JSONField()
    response_status = models.PositiveIntegerField(null=True)
    response_body = models.TextField(blank=True)
    error = models.TextField(blank=True)
