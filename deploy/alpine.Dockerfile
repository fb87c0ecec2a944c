# ggclip serve in a container based on Alpine Linux, whose C library is musl. From the repository's root:
#
#   docker build -f deploy/alpine.Dockerfile -t ggclip:alpine .
#
# It needs no package of Alpine's. An image of your own needs none of this: `npm install ggclip` in node:24-alpine brings the
# published binary for musl.

# ---- build: the binary for musl, as it is published, and the packages -----------------------------------------------
FROM node:22-bookworm-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake git make python3 python3-pip \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build:ts && npm run prebuild -- linux-$(node -p process.arch)-musl && npm run packages -- --partial
# what serving needs besides, of the package's optional peers
RUN node -p "require('./dist/server/parts.js').serverPackages().join(' ')" > build/packages/server

# ---- run: the package and what it needs, nothing to build with ----------------------------------------------------
FROM node:24-alpine
ENV NODE_ENV=production
WORKDIR /app
# as root, so that the process cannot change its own code
COPY --from=build /src/build/packages /tmp/packages
RUN npm install --omit=dev --no-save --no-package-lock /tmp/packages/*.tgz $(cat /tmp/packages/server) \
  && rm -rf /tmp/packages && npm cache clean --force
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/ggclip/dist/cli/main.js", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD []
