"""Taking leads."""

import json

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from leads.models import InboundLead, Status, StatusTransition
from leads.tasks import process_lead


@csrf_exempt
@require_POST
def receive_lead(request):
    """Store a lead and queue its delivery; answer once it is committed."""
    try:
        payload = json.loads(request.body)
    except ValueError:
        return JsonResponse({"status": "error", "message": "not JSON"}, status=400)
    if not isinstance(payload, dict):
        return JsonResponse({"status": "error", "message": "not an object"}, status=400)
    with transaction.atomic():
        lead = InboundLead.objects.create(raw_payload=payload, headers=dict(request.headers))
        StatusTransition.objects.create(lead=lead, to_status=Status.RECEIVED)
        transaction.on_commit(lambda: process_lead.delay(lead.id))
    return JsonResponse({"status": "accepted", "lead_id": lead.id, "correlation_id": str(lead.correlation_id)})


def healthy(_):
    """Say that requests are answered."""
    return HttpResponse("ok")
