# A worker of distributed work in a container, for deploy/scale-out.yml. From the repository's root:
#
#   docker build -f deploy/work.Dockerfile -t ggclip-work .

# ---- build: compiles the addon and packs the package as it would be published -------------------------------------
FROM node:22-bookworm-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake g++ git make python3 \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build:ts && npm run prebuild -- --native && npm pack --pack-destination /tmp
# what a worker needs besides: some of the package's optional peers
RUN node -p "['aws4', 'bullmq', 'ioredis', 'ipaddr.js', 'pg', 'prom-client'].map(name => name + '@' + require('./package.json').peerDependencies[name]).join(' ')" > /tmp/packages

# ---- run: the package and what it needs, nothing to build with ----------------------------------------------------
FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /tmp/ggclip-*.tgz /tmp/packages /tmp/
RUN npm install --omit=dev --no-save --no-package-lock --ignore-scripts /tmp/ggclip-*.tgz $(cat /tmp/packages) \
  && rm -f /tmp/ggclip-*.tgz /tmp/packages && npm cache clean --force && ln -s /app/node_modules/.bin/ggclip /usr/local/bin/ggclip \
  && mkdir /models && chown node /models
USER node
EXPOSE 9464
STOPSIGNAL SIGTERM
CMD ["ggclip", "work", "--metrics", "0.0.0.0:9464"]
