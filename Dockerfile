# The server as an image: stages build its page and its wheel, the last one holds only what runs. Every step is a script in
# deploy/container/, so that the tests can run it without a container engine.

ARG PYTHON=3.11
ARG NODE=22

FROM node:${NODE}-slim AS console
WORKDIR /src
COPY console/ console/
COPY scripts/console.sh scripts/
COPY deploy/container/build-console.sh deploy/container/
RUN deploy/container/build-console.sh

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY requirements/ requirements/
COPY deploy/container/ deploy/container/
RUN deploy/container/install-compiler.sh
RUN deploy/container/install-dependencies.sh /opt/mediaserver
COPY . .
COPY --from=console /src/control_api/static control_api/static
RUN deploy/container/build-wheel.sh /wheel
RUN deploy/container/install-wheel.sh /opt/mediaserver /wheel

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="mediaserver" \
      org.opencontainers.image.description="Live call monitoring: listen, whisper, barge" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY deploy/container/make-user.sh deploy/container/healthcheck.sh /usr/local/lib/mediaserver/
RUN /usr/local/lib/mediaserver/make-user.sh mediaserver 10001
COPY --from=build /opt/mediaserver /opt/mediaserver
ENV PATH=/opt/mediaserver/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/mediaserver
USER mediaserver
WORKDIR /var/lib/mediaserver
# SIP; the control API; RTP takes the range of media.first_port to media.last_port (see deploy/README.md on networks).
EXPOSE 5060/udp 5060/tcp 8080/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/lib/mediaserver/healthcheck.sh"]
ENTRYPOINT ["mediaserver"]
CMD ["serve"]
