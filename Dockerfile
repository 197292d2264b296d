# Web, worker and beat of Concord; with --build-arg EXTRA=[training,s3] the GPU worker, too.
# Not built where it was written: no registry could be reached there. tests/operations/test_compose.py reads it.
FROM python:3.11-slim-bookworm
ARG EXTRA=[s3]
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 CONCORD_DATA_DIR=/data
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home concord \
    && install -d -o concord -g concord /data
WORKDIR /app
COPY . .
RUN python -m pip install -c constraints.txt -e ".${EXTRA}"
USER concord
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4"]
