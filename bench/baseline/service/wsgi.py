"""What gunicorn serves. Celery's app is made first, so that tasks know their broker."""

import os

import queueing  # noqa: F401
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
application = get_wsgi_application()
