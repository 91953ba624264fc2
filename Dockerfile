# syntax=docker/dockerfile:1
# Two images: `innwatch`, every process of ours; `proxy`, Caddy for an account that is not root.
# The versions are those that the tests run against: Python 3.11 and the PostgreSQL of Debian 12.

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY requirements.lock .
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > /tmp/uv.lock \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/uv.lock
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv UV_LINK_MODE=copy deploy/install /opt/innwatch


FROM python:3.11-slim-bookworm AS innwatch
# pg_dump, of the server's own version, for `innwatch backup`.
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client-15 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 innwatch \
    && useradd --uid 10001 --gid innwatch --no-create-home --home-dir /var/lib/innwatch --shell /usr/sbin/nologin innwatch \
    # A volume that is new takes owner and mode of the folder that it is put over.
    && install -d -o innwatch -g innwatch -m 0700 /var/lib/innwatch /var/lib/innwatch-keys /var/backups/innwatch
COPY --from=build /opt/innwatch /opt/innwatch
COPY --chmod=0755 deploy/ready deploy/backup /usr/local/bin/
ENV PATH=/opt/innwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    INNWATCH_DATA=/var/lib/innwatch
USER 10001:10001
WORKDIR /var/lib/innwatch
ENTRYPOINT ["innwatch"]
CMD ["--help"]


FROM caddy:2.10-alpine AS proxy
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/caddy
COPY deploy/Caddyfile /etc/caddy/Caddyfile
ENV XDG_DATA_HOME=/var/lib/caddy \
    XDG_CONFIG_HOME=/tmp
USER 10001:10001
