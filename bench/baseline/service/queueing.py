"""Celery: prefork, acknowledged late so that a worker that dies loses no lead, and no results that nobody reads."""

import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

app = Celery("leads")
app.conf.update(
    broker_url=os.environ["CELERY_BROKER_URL"],
    imports=["leads.tasks"],
    task_acks_late=True,
    task_ignore_result=True,
    task_serializer="json",
    worker_prefetch_multiplier=4,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    CELERY_DB_REUSE_MAX=1_000_000,  # else each task connects to PostgreSQL anew
)


@worker_ready.connect
def tell(**_):
    """Say that leads are taken from now on."""
    Path(os.environ["BASELINE_READY_FILE"]).touch()
