# One image for every part of docker-compose.yml; `hypervisor <part>` is the command.

# What the console's pages load; the npm registry is all that it needs.
FROM node:22-trixie-slim AS console
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM python:3.13-slim-trixie

# mosquitto: the service `broker` runs it; policy-rc.d of the base image keeps it from starting here.
# postgresql-client: `hypervisor backup` and `restore` call pg_dump and pg_restore.
RUN apt-get update \
 && apt-get install -y --no-install-recommends mosquitto postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --user-group --no-create-home --shell /usr/sbin/nologin hypervisor \
 && install -d -o hypervisor -g hypervisor /data

WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . ./
COPY --from=console /src/node_modules node_modules
RUN python -m hypervisor.console.vendoring node_modules \
 && rm -r node_modules \
 && pip install --no-cache-dir --no-deps --no-build-isolation .

USER hypervisor
WORKDIR /
ENV HYPERVISOR_DATA=/data PYTHONUNBUFFERED=1
VOLUME /data
ENTRYPOINT ["hypervisor"]
