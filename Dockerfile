# One image for all processes; docker-compose.yml selects the process of each container.
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 READROOM_HOME=/srv/readroom
WORKDIR /app

COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock
COPY manage.py pyproject.toml ./
COPY webapp webapp
COPY diagnostics diagnostics
COPY ml ml
COPY templates templates
COPY static static

# The processes run without root privileges and write to the home only.
RUN useradd --system --uid 10001 readroom && install -d -o readroom -m 700 /srv/readroom
USER 10001
VOLUME /srv/readroom
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "webapp.wsgi", "--bind=0.0.0.0:8000", \
     "--worker-class=webapp.buffering_worker.BufferingWorker", "--workers=2", "--threads=8", "--timeout=60", \
     "--graceful-timeout=8", "--worker-tmp-dir=/dev/shm", "--no-control-socket", \
     "--config=python:webapp.gunicorn_config"]
