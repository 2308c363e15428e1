# One image for all roles: `docker run … lead-gateway:dev webhook | worker | operator | migrate`.
#
#   docker build --tag lead-gateway:dev .
#
# What only your network needs (an index of your own, its certificate authority) comes from the base image or from a
# mounted pip.conf, and so stays out of this image.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS dependencies
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/runtime.txt requirements/
# The environment gets no pip of its own: the builder's fills it.
RUN python -m venv --without-pip /opt/lead-gateway \
    && python -m pip --python /opt/lead-gateway/bin/python install --no-cache-dir --no-compile \
       --disable-pip-version-check --require-hashes --only-binary=:all: --requirement requirements/runtime.txt
# Out goes what no import of ours reaches (place names and carriers of telephone numbers, the Kubernetes client's
# asyncio twin, packages' own tests, C sources): half of what was installed. The rest is compiled, but for the
# Kubernetes client's thousand generated classes, which load only when they are named.
RUN find /opt/lead-gateway/lib -depth \( -path '*/phonenumbers/geodata' -o -path '*/phonenumbers/carrierdata' \
         -o -path '*/phonenumbers/tzdata' -o -path '*/kubernetes/aio' \
         -o \( -type d \( -name tests -o -name test \) \) \) -exec rm -rf {} + \
    && find /opt/lead-gateway/lib -type f -name '*.[ch]' -delete \
    && find /opt/lead-gateway/lib -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete \
    && /opt/lead-gateway/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
       -x 'kubernetes/client/(api|models)/' /opt/lead-gateway/lib
# What webhook and worker load of it gets smaller byte-code, which saves each of them memory.
COPY scripts/compile_lean.py /opt/lead-gateway/lib/
RUN /opt/lead-gateway/bin/python -X no_debug_ranges /opt/lead-gateway/lib/compile_lean.py --packages

FROM ${PYTHON_IMAGE} AS application
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/build \
    && python -m pip --python /opt/build/bin/python install --no-cache-dir --disable-pip-version-check \
       --require-hashes --only-binary=:all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY crds/samples crds/samples
COPY core core
COPY operator operator
COPY webhook webhook
COPY worker worker
# Into a folder of its own, so that a change of ours makes one small layer. Byte-code here is checked against its
# source on loading, because a development session changes sources in place.
RUN /opt/build/bin/python -c 'import hatchling.build; hatchling.build.build_wheel("/build/dist")' \
    && python -m venv --without-pip /opt/lead-gateway \
    && python -m pip --python /opt/lead-gateway/bin/python install --no-cache-dir --no-compile --no-deps --no-index \
       --disable-pip-version-check --target /app /build/dist/*.whl \
    && python -m compileall -q --invalidation-mode checked-hash /app

FROM ${PYTHON_IMAGE}
# Whoever gets into a container shall find no installer there.
RUN find / -xdev \( -path /proc -o -path /sys \) -prune -o \( -path '*-packages/pip*' -o -path '*-packages/setuptools*' \
         -o -path '*-packages/wheel*' -o -path '*-packages/pkg_resources' -o -path '*/lib/python3*/ensurepip' \
         -o -path '*/bin/pip*' -o -path /usr/share/python-wheels \) -prune -exec rm -rf {} + \
    && echo 'leadgateway:x:10001:10001::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
COPY --from=dependencies /opt/lead-gateway /opt/lead-gateway
# The official Python images ship a standard library without byte-code; this compiles the part of it that is used.
RUN /opt/lead-gateway/bin/python -c 'import alembic.command, fastapi, httpx_aiohttp, kopf, kubernetes.config, rich.console, \
rq.worker, sqlalchemy.dialects.postgresql.psycopg2, structlog, typer, uvicorn, uvloop' \
    && /opt/lead-gateway/bin/python -X no_debug_ranges /opt/lead-gateway/lib/compile_lean.py --stdlib --known
# Owned by root, so that no process can change its own program; a development session names the runtime user.
ARG APP_OWNER=0
COPY --from=application --chown=${APP_OWNER}:0 /app /app
ENV PATH=/app/bin:/opt/lead-gateway/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Lead Gateway" \
      org.opencontainers.image.description="Accepts sales leads durably and delivers each to one customer's API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
# By number, so that a cluster can tell that it is not root. Nothing is written but below /tmp.
USER 10001:10001
# Webhook, its status port, the worker's and the operator's.
EXPOSE 8000 9100 9101 9102
ENTRYPOINT ["leadgateway"]
CMD ["--help"]
