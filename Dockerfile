# One image for every part of docker-compose.yml; `hypervisor <part>` is the command.

# What the console's pages load; the npm registry is all that it needs.
FROM node:22-trixie-slim AS console
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

# Everything that is locked, tools of development too, for the build; then what only they need goes.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/hypervisor \
 && /opt/hypervisor/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . ./
COPY --from=console /src/node_modules node_modules
RUN /opt/hypervisor/bin/python -m hypervisor.web.vendoring node_modules \
 && /opt/hypervisor/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/hypervisor/bin/python deploy/slim.py 'territory-hypervisor[signing,workers]'

FROM python:3.13-slim-trixie AS part
# mosquitto: the service `broker` runs it; policy-rc.d of the base image keeps it from starting here.
# postgresql-client: `hypervisor backup` and `restore` call pg_dump and pg_restore.
# Their versions are Debian's own: a release brings nothing but repairs.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends mosquitto postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin hypervisor \
 && install -d -o hypervisor -g hypervisor /data /dashboards
COPY --from=build /opt/hypervisor /opt/hypervisor

# By number, so that an engine told to refuse root can see that this is not.
USER 10001:10001
WORKDIR /
ENV PATH=/opt/hypervisor/bin:$PATH \
    HYPERVISOR_DATA=/data \
    HYPERVISOR_PULSE=/tmp/pulse \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ENTRYPOINT ["hypervisor"]

# A machine of a cluster, with its own servers: docker-compose.machine.yml.
FROM part AS machine
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      etcd-server patroni postgresql-17-timescaledb python3-etcd rabbitmq-server \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM part
